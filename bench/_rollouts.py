"""The benched application in its shapes, the load on it, and what a deployment's time went into."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
from bench._stage import (
    Recorded,
    build_image,
    is_ok,
    last_operation,
    moment,
    run_docker,
    say,
    until,
    wait_for,
)

from support.load import Shape, under_load
from support.repository import Repository, manifest
from support.server import Server

SLOW_MS: Final = 5000
BOOT_MS: Final = 5000
LEAST_RATE: Final = 200.0


@dataclass(frozen=True)
class AppShape:
    """How the application behaves, and what its manifest says about that."""

    title: str
    behaviour: Mapping[str, Any]
    drain: str
    health_of_its_own: bool = True
    """Whether the baseline gives Swarm a health check to wait for."""


SHAPES: Final = {
    "graceful": AppShape("finishes its requests on SIGTERM", {}, "2s"),
    "boots": AppShape("boots 5 s, no health check of its own", {"bootMs": BOOT_MS}, "7s", False),
    "abrupt": AppShape("exits at once on SIGTERM", {"exitAtOnce": True}, "7s"),
}


def load_on(port: int, host: str) -> list[Shape]:
    """215 requests/s: GET and POST, kept and new connections, 25 of 5 seconds in flight at any time."""
    url = f"http://127.0.0.1:{port}/"
    slow = f"{url}?ms={SLOW_MS}"
    return [
        Shape(url, host, rate=80),
        Shape(url, host, rate=60, keep_alive=False),
        Shape(url, host, rate=40, method="POST"),
        Shape(url, host, rate=30, method="POST", keep_alive=False),
        Shape(slow, host, rate=3),
        Shape(slow, host, rate=2, method="POST"),
    ]


@dataclass(frozen=True)
class Timeline:
    """One deployment or rollback of Havre, in seconds from ``zero``: image ready, or the request.

    The parts follow one another and add up to the time of the first answer of the new release.
    """

    version: str
    shape: str
    zero: float
    started: float
    """The step `start` began: networks, restore point and release command are behind."""
    created: float
    """The engine has the Swarm service."""
    running: float
    """The last container's process was started."""
    listening: float
    """The last application said that it listens."""
    gated: float
    """The gate let them pass."""
    switched: float
    """The step `switch` was recorded as done."""

    def parts(self, first_answer: float) -> dict[str, float]:
        """What the time until the first answer was spent on, in order."""
        moments = [
            self.zero,
            self.started,
            self.created,
            self.running,
            self.listening,
            self.gated,
            first_answer,
        ]
        names = (
            "preparation",
            "step start",
            "engine starts containers",
            "application boots",
            "probes",
            "switch and file load",
        )
        spent = (later - earlier for earlier, later in itertools.pairwise(moments))
        return {name: round(seconds, 3) for name, seconds in zip(names, spent, strict=True)}


def timeline(
    engine: docker.APIClient, project: str, recorded: Recorded, version: str, shape: str, *, zero: float
) -> Timeline:
    """Read when what happened from Havre's records, the engine and the application's log."""
    running, listening = [], []
    for container in engine.containers(filters={"label": f"havre.project={project}"}):
        started = moment(engine.inspect_container(container["Id"])["State"]["StartedAt"])
        lines = engine.logs(container["Id"], timestamps=True).decode().splitlines()
        said = [line for line in lines if f"version {version} listens" in line]
        if said:
            running.append(started)
            listening.append(moment(said[-1].split(" ", 1)[0]))
    if not running:
        raise RuntimeError(f"no container of version {version} runs")
    steps = recorded.steps
    return Timeline(
        version,
        shape,
        zero,
        steps["start"].began,
        steps["start"].ended,
        max(running),
        max(listening),
        steps["gate"].ended,
        steps["switch"].ended,
    )


@dataclass(frozen=True)
class Boot:
    """So many containers of an image, started at once by a bare `docker start`; the slowest counts."""

    own: float
    """Seconds from a container's start to its first answer: the application's own boot."""
    started: float
    """Seconds from the command to the last first answer: the engine's work is in it."""


def boot(image: str, count: int) -> Boot:
    """Start so many containers on the host's network, without Swarm, Traefik or Havre, and ask them."""
    ports = range(3901, 3901 + count)
    with ExitStack() as stack:
        made = []
        for port in ports:
            made.append(run_docker("create", "--network=host", f"--env=PORT={port}", "--init", image))
            stack.callback(run_docker, "rm", "--force", made[-1])
        pool = stack.enter_context(ThreadPoolExecutor(count))
        # Asked all along: the client that starts them returns later than they answer.
        answers = [pool.submit(wait_for, f"http://127.0.0.1:{port}/health", "boot", is_ok) for port in ports]
        began = time.time()
        run_docker("start", *made)
        answered = [answer.result() for answer in answers]
        said = run_docker("inspect", "--format={{.State.StartedAt}}", *made).split()
    own = max(answer - moment(start) for answer, start in zip(answered, said, strict=True))
    return Boot(own, max(answered) - began)


def engine_seconds(engine: docker.APIClient, project: str, image: str, count: int) -> float:
    """From a bare `docker service create` to the start of the last container: Swarm's own share.

    On the same two networks as a routed service of Havre, with as many tasks; without Havre.
    """
    name = "bench-bare"
    label = {"label": f"com.docker.swarm.service.name={name}", "status": "running"}
    began = time.time()
    run_docker(
        "service", "create", "--detach", "--no-resolve-image", f"--name={name}", f"--replicas={count}",
        "--env=PORT=3000", "--init", "--endpoint-mode=dnsrr", f"--network={project}-production",
        "--network=havre-edge", image,
    )  # fmt: skip
    try:
        until(lambda: len(engine.containers(filters=label)) == count, every=0.1)
        found = [container["Id"] for container in engine.containers(filters=label)]
        return max(moment(engine.inspect_container(one)["State"]["StartedAt"]) for one in found) - began
    finally:
        run_docker("service", "rm", name)
        until(lambda: not engine.containers(filters={"label": label["label"]}))


@dataclass
class Measured:
    """What one number of replicas came to."""

    replicas: int
    load: dict[str, Any]
    rate: float
    deployments: list[dict[str, Any]]
    boots: dict[str, Boot]
    engine: float
    """Seconds of a bare `docker service create` until its containers run, under the same load."""
    rollbacks: list[dict[str, Any]]
    rollback_failures: int
    rollback_requests: int

    @property
    def beyond_boot(self) -> list[float]:
        """Seconds from image ready to first answer, less the application's own boot."""
        return [row["first_answer"] - self.boots[row["shape"]].own for row in self.deployments]


class Deployments:
    """Deployments of one project with so many replicas, under load."""

    def __init__(self, server: Server, engine: docker.APIClient, folder: Path, replicas: int) -> None:
        self.server = server
        self.engine = engine
        self.replicas = replicas
        self.project = f"rollout-{replicas}"
        self.host = f"{self.project}.localhost"
        self.repository = Repository(folder / self.project, self._manifest("graceful"))
        self.count = 0
        self.versions: list[str] = []

    def run(self, order: Sequence[str], *, rollbacks: int) -> Measured:
        """Deploy in this order of shapes under load, then roll back and forth."""
        self._deploy("graceful")
        timelines: list[Timeline] = []
        boots: dict[str, Boot] = {}
        began = time.monotonic()
        with under_load(*load_on(80, self.host), seconds=3600) as report:
            for shape in order:
                timelines.append(self._deploy(shape))
                if shape not in boots:
                    boots[shape] = self._boot(shape)
            bare = self._engine()
            elapsed = time.monotonic() - began
        rows = [self._row(item, report["versions"]) for item in timelines]
        measured = Measured(self.replicas, report, report["sent"] / elapsed, rows, boots, bare, [], 0, 0)
        for number in range(rollbacks):
            self._roll_back(measured, to=self.count - (number + 1) % 2)
        name = f"{self.project}-production"
        self.server.cli("destroy", "--project", self.project, "--volumes", "--yes-destroy", name)
        return measured

    def _manifest(self, shape: str) -> dict[str, Any]:
        return manifest(self.project, replicas=self.replicas, drain=SHAPES[shape].drain, stop_grace="15s")

    def _deploy(self, shape: str) -> Timeline:
        self.count += 1
        version = f"{self.count}-{shape}"
        self.versions.append(version)
        self.repository.commit(manifest=self._manifest(shape), version=version, **SHAPES[shape].behaviour)
        self.server.deploy(self.repository.folder)
        recorded = last_operation(self.server, self.project)
        made = timeline(
            self.engine, self.project, recorded, version, shape, zero=recorded.steps["build"].ended
        )
        say(f"{self.replicas} replicas: {version} passed {made.gated - made.zero:.2f} s after its image")
        return made

    def _boot(self, shape: str) -> Boot:
        image = build_image(self.repository.folder)  # every layer comes from the cache
        found = [boot(image, self.replicas) for _ in range(1 if shape == "boots" else 3)]
        return Boot(
            statistics.median(one.own for one in found), statistics.median(one.started for one in found)
        )

    def _engine(self) -> float:
        image = build_image(self.repository.folder)
        return statistics.median(
            [engine_seconds(self.engine, self.project, image, self.replicas) for _ in range(3)]
        )

    @staticmethod
    def _row(item: Timeline, versions: Mapping[str, Sequence[float]]) -> dict[str, Any]:
        first = versions[item.version][0]
        return {
            "version": item.version,
            "shape": item.shape,
            "first_answer": round(first - item.zero, 3),
            "parts": item.parts(first),
        }

    def _roll_back(self, measured: Measured, *, to: int) -> None:
        """Return to a release kept at 0 replicas; a load of its own sees its first answer."""
        version = self.versions[to - 1]
        with under_load(*load_on(80, self.host), seconds=600) as report:
            self.server.cli("rollback", str(to), "--project", self.project)
        recorded = last_operation(self.server, self.project)
        made = timeline(
            self.engine, self.project, recorded, version, version.split("-")[1], zero=recorded.created
        )
        row = self._row(made, report["versions"])
        measured.rollbacks.append(row)
        measured.rollback_failures += report["failed"]
        measured.rollback_requests += report["sent"]
        say(f"{self.replicas} replicas: rolled back to {version} in {row['first_answer']:.2f} s")
