"""The baseline of bench/rollout: Traefik's own Swarm provider and Swarm's start-first rolling update.

Traefik reads the Swarm itself, with its default refresh of 15 s. Shapes that have a health check get
one that Swarm waits for, as its users are told to write it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
from bench._rollouts import SHAPES, load_on
from bench._stage import build_image, is_ok, run_docker, say, until, wait_for

from support.load import under_load
from support.repository import Repository, manifest

NETWORK: Final = "bench-baseline"
ROUTER: Final = "bench-router"
PORT: Final = 8081
REFRESH: Final = 15.0  # seconds, Traefik's default
_UPDATE_PATIENCE: Final = 300.0
_PROBE: Final = (
    "fetch('http://127.0.0.1:3000/health').then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))"
)


@dataclass(frozen=True)
class Baseline:
    """What one number of replicas came to."""

    replicas: int
    updates: int
    load: dict[str, Any]
    first_answers: list[float]
    """Seconds from the update's command to the first answer of the new version, by update."""


class RollingUpdates:
    """Rolling updates of one service behind Traefik's Swarm provider."""

    def __init__(self, engine: docker.APIClient, folder: Path, replicas: int) -> None:
        self.engine = engine
        self.replicas = replicas
        self.name = f"baseline-{replicas}"
        self.host = f"{self.name}.localhost"
        self.repository = Repository(folder / self.name, manifest(self.name))

    def run(self, order: Sequence[str]) -> Baseline:
        """Update in this order of shapes under the load that Havre gets."""
        versions = ["0-graceful", *(f"{number}-{shape}" for number, shape in enumerate(order, 1))]
        images = [self._image(version) for version in versions]
        run_docker("network", "create", "--driver=overlay", NETWORK)
        try:
            self._start_router()
            self._start(images[0])
            wait_for(f"http://127.0.0.1:{PORT}/", self.host, is_ok)
            began = []
            with under_load(*load_on(PORT, self.host), seconds=3600) as report:
                for image, shape in zip(images[1:], order, strict=True):
                    began.append(time.time())
                    self._update(image, shape)
            answers = self._answers(report["versions"], versions[1:], began)
            say(f"{self.replicas} replicas, baseline: {report['failed']} of {report['sent']} failed")
            return Baseline(self.replicas, len(order), report, answers)
        finally:
            self._remove()

    def _image(self, version: str) -> str:
        self.repository.commit(version=version, **SHAPES[version.split("-")[1]].behaviour)
        return build_image(self.repository.folder)

    def _start_router(self) -> None:
        run_docker(
            "service", "create", "--detach", "--no-resolve-image", f"--name={ROUTER}",
            "--user=0", "--no-healthcheck", "--endpoint-mode=dnsrr", f"--network={NETWORK}",
            f"--publish=mode=host,published={PORT},target=8000",
            "--mount=type=bind,source=/run/docker.sock,target=/var/run/docker.sock",
            "havre/traefik:3",
            "--entryPoints.web.address=:8000",
            "--providers.swarm=true",
            "--providers.swarm.endpoint=unix:///var/run/docker.sock",
            "--providers.swarm.exposedByDefault=false",
            f"--providers.swarm.network={NETWORK}",
        )  # fmt: skip

    def _start(self, image: str) -> None:
        run_docker(
            "service", "create", "--detach", "--no-resolve-image", f"--name={self.name}",
            f"--replicas={self.replicas}", "--env=PORT=3000", "--init", "--endpoint-mode=dnsrr",
            f"--network={NETWORK}", "--stop-grace-period=15s", "--update-order=start-first",
            *self._health("graceful"),
            "--label=traefik.enable=true",
            f"--label=traefik.http.routers.{self.name}.rule=Host(`{self.host}`)",
            f"--label=traefik.http.services.{self.name}.loadbalancer.server.port=3000",
            image,
        )  # fmt: skip

    def _update(self, image: str, shape: str) -> None:
        run_docker(
            "service", "update", "--detach", "--no-resolve-image", f"--image={image}",
            *self._health(shape), self.name,
        )  # fmt: skip
        until(self._is_updated, patience=_UPDATE_PATIENCE)
        time.sleep(REFRESH + 2.0)  # until Traefik knows the last task

    @staticmethod
    def _health(shape: str) -> tuple[str, ...]:
        if not SHAPES[shape].health_of_its_own:
            return ("--no-healthcheck",)
        return (
            "--no-healthcheck=false",
            f'--health-cmd=node -e "{_PROBE}"',
            "--health-interval=2s",
            "--health-timeout=3s",
        )

    def _is_updated(self) -> bool:
        status = self.engine.inspect_service(self.name).get("UpdateStatus") or {}
        if status.get("State") == "paused":
            raise RuntimeError(f"the update of {self.name} was paused: {status.get('Message')}")
        return status.get("State") == "completed"

    @staticmethod
    def _answers(
        seen: Mapping[str, Sequence[float]], versions: Sequence[str], began: Sequence[float]
    ) -> list[float]:
        return [
            round(seen[version][0] - moment, 3)
            for version, moment in zip(versions, began, strict=True)
            if version in seen
        ]

    def _remove(self) -> None:
        for name in (self.name, ROUTER):
            for service in self.engine.services(filters={"name": name}):
                self.engine.remove_service(service["ID"])
        until(
            lambda: not self.engine.containers(filters={"label": f"com.docker.swarm.service.name={ROUTER}"})
        )
        until(self._network_is_gone)

    def _network_is_gone(self) -> bool:
        try:
            self.engine.remove_network(NETWORK)
        except docker.errors.NotFound:
            return True
        except docker.errors.APIError:  # a task has still to leave it
            return False
        return False
