"""Containers of this node: the tasks of services as the node itself sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import requests
from docker.errors import APIError, DockerException, NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.connection import Connection
from havre.adapters.swarm.stats import Usage, usage
from havre.domain import naming

_STOPPED_AT_ONCE: Final = 16
_ASKED_AT_ONCE: Final = 4


class Containers(Connection):
    """Containers of this node. Every method raises :class:`~havre.errors.EngineError`."""

    def running_containers(self, ids: Collection[str]) -> list[str]:
        """Which of these containers still run on this node."""
        with explained("listing containers"):
            running = self.api.containers(filters={"label": "com.docker.swarm.service.id"})
        return [container["Id"] for container in running if container["Id"] in ids]

    def containers_of(self, labels: Mapping[str, str]) -> list[str]:
        """Ids of this node's containers with these labels, running or not."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with explained("listing containers"):
            return [found["Id"] for found in self.api.containers(all=True, filters={"label": wanted})]

    def container_usages(self) -> list[tuple[Mapping[str, str], Usage]]:
        """Labels and usage of each container of Havre's services that runs on this node.

        The engine is asked without the second that it takes to see how busy a processor is ("one-shot").
        """
        with explained("listing containers"):
            running = self.api.containers(filters={"label": [f"{naming.MANAGED}=true"]})
        asked = ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="stats")
        with explained("asking what containers use"), asked as pool:
            documents = pool.map(self._usage, [container["Id"] for container in running])
            return [
                (container.get("Labels") or {}, found)
                for container, found in zip(running, documents, strict=True)
                if found is not None
            ]

    def _usage(self, container: str) -> Usage | None:
        with suppress(NotFound):
            return usage(self.api.stats(container, stream=False, one_shot=True))
        return None  # it ended a moment ago

    def killed_for_memory(self, ids: Collection[str]) -> set[str]:
        """Which of these containers of this node the kernel ended because they took too much memory."""
        found = set()
        with explained("looking at containers"):
            for container in filter(None, ids):
                with suppress(NotFound):
                    if self.api.inspect_container(container)["State"].get("OOMKilled"):
                        found.add(container)
        return found

    def remove_containers(self, labels: Mapping[str, str]) -> int:
        """Remove this node's containers with these labels and their nameless volumes; how many there were.

        One that runs is killed.
        """
        found = self.containers_of(labels)
        with explained("removing containers"):
            for container in found:
                with suppress(NotFound):
                    self.api.remove_container(container, v=True, force=True)
        return len(found)

    def stop_container(self, container: str, grace: float) -> bool:
        """Stop a container of this node as Swarm would; False if it is not here.

        Returns when it has ended: at its stop signal, or ``grace`` seconds after it.
        """
        with explained(f"stopping the container {container[:12]}"):
            try:
                self.api.stop(container, timeout=int(grace))
            except NotFound:
                return False
        return True

    def end_containers(self, graces: Mapping[str, float]) -> None:
        """Stop the containers of removed services, and remove them; those of other nodes are left.

        For whom nobody asks any more: Swarm would wait two seconds before it stops one and two before it
        removes it, so that who asks it by its name finds another (moby,
        ``daemon/cluster/executor/container/controller.go``).

        Args:
            graces: seconds that each may take after its stop signal, by id.
        """

        def end(container: str, grace: float) -> None:
            client = self.connect()
            try:
                with explained(f"stopping the container {container[:12]}"), suppress(NotFound):
                    client.stop(container, timeout=int(grace))
                    with suppress(APIError):  # Swarm may be removing it at this moment
                        client.remove_container(container, v=True, force=True)
            finally:
                client.close()

        with ThreadPoolExecutor(_STOPPED_AT_ONCE) as pool:
            list(pool.map(end, graces, graces.values()))

    def was_out_of_memory(self, container: str) -> bool:
        """Whether the kernel killed a container of this node for its memory."""
        try:
            return bool(self.api.inspect_container(container)["State"].get("OOMKilled"))
        except (DockerException, requests.RequestException):
            return False  # on another node, or removed already: the exit code has to do

    def last_lines(self, container: str, count: int = 15) -> list[str]:
        """The end of a container's log on this node; empty if it is not there any more."""
        try:
            output = self.api.logs(container, tail=count, stdout=True, stderr=True)
        except (DockerException, requests.RequestException):
            return []
        return output.decode(errors="replace").splitlines()

    def raw_log(self, path: str, params: dict[str, str]) -> bytes | None:
        """A log as the engine sends it (see ``output``); None if the thing is not on this node."""
        with explained("reading a log"):
            api = self.api
            answer = api.get(f"{api.base_url}/v{api.api_version}{path}", params=params, timeout=self._timeout)
            if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                return None
            answer.raise_for_status()
            return answer.content

    def bridge_address(self, container: str) -> tuple[str, str] | None:
        """Address of a container on the node's own bridge, and that bridge's gateway.

        The worker runs on the node, outside of every overlay network; this is how it reaches the
        router's internal entry point, which is not published.
        """
        with explained("inspecting docker_gwbridge"):
            bridge = self.api.inspect_network("docker_gwbridge")
        gateway = bridge["IPAM"]["Config"][0]["Gateway"]
        entry = (bridge.get("Containers") or {}).get(container)
        return (entry["IPv4Address"].split("/")[0], gateway) if entry else None
