"""The Docker engine in Swarm mode, by the official SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, cast

import docker
from docker.errors import NotFound
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.configs import config_id
from havre.adapters.swarm.containers import Containers
from havre.adapters.swarm.facts import facts
from havre.adapters.swarm.requests import service_request, snapshot, task_of
from havre.adapters.swarm.stores import Stores
from havre.domain import naming
from havre.domain.alerting.tasks import Node
from havre.domain.snapshot import Snapshot, Task
from havre.domain.workload import Workload
from havre.errors import EngineError

_MANAGED = {"label": f"{naming.MANAGED}=true"}


class Change(StrEnum):
    """What became of a service that was asked for; empty, so false, if nothing had to be done."""

    NONE = ""
    CREATED = "created"
    UPDATED = "updated"


class Engine(Stores, Containers):
    """One engine that manages a Swarm.

    Every method raises :class:`EngineError` when the engine refuses or does not answer. Safe to use
    from several threads: each has its own connection.
    """

    # What is there

    def info(self) -> dict[str, Any]:
        """The engine's description of itself (``GET /info``)."""
        with explained("reading the engine's description"):
            return self.api.info()

    def is_up(self) -> bool:
        """Whether the engine answers and its Swarm can be asked."""
        try:
            with explained("asking the engine"):
                self.api.services(filters={"name": naming.ROUTER_SERVICE})
        except EngineError:
            return False
        return True

    def require_swarm(self) -> None:
        """Raise unless this engine manages a Swarm."""
        swarm = self.info().get("Swarm", {})
        if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
            raise EngineError(
                "the Docker engine does not manage a Swarm",
                hint="run `docker swarm init --advertise-addr ADDRESS` on this server",
            )

    def is_alone(self) -> bool:
        """Whether this engine is the only node of its Swarm."""
        return int(self.info().get("Swarm", {}).get("Nodes") or 1) == 1

    def nodes(self) -> list[Node]:
        """The machines of the Swarm."""
        with explained("listing nodes"):
            found = self.api.nodes()
        return [
            Node(
                name=str((node.get("Description") or {}).get("Hostname") or node["ID"]),
                is_up=(node.get("Status") or {}).get("State") == "ready",
                is_wanted=(node.get("Spec") or {}).get("Availability", "active") == "active",
                id=str(node["ID"]),
            )
            for node in found
        ]

    def begin_swarm(self, address: str) -> None:
        """Make this engine the manager of a new Swarm; others would reach it at ``address``."""
        with explained("beginning a Swarm"):
            self.api.init_swarm(advertise_addr=address)

    def snapshot(self, **labels: str) -> Snapshot:
        """Havre's services and their tasks, narrowed to those with these labels."""
        wanted = [_MANAGED["label"], *(f"{key}={value}" for key, value in labels.items())]
        # A service that is removed between the two questions makes the second one fail.
        meanwhile = retry_if_exception(lambda error: isinstance(error, NotFound))
        with explained("listing services"):
            for attempt in Retrying(retry=meanwhile, stop=stop_after_delay(5), reraise=True):
                with attempt:
                    services = self.api.services(filters={"label": wanted})
                    ids = [service["ID"] for service in services]
                    tasks = self.api.tasks(filters={"service": ids}) if ids else []
        return snapshot(services, tasks)

    def environment(self, project: str, environment: str) -> Snapshot:
        """The services and tasks of one environment."""
        return self.snapshot(**naming.labels(project, environment))

    def tasks_of(self, service_names: Sequence[str]) -> tuple[Task, ...]:
        """The tasks of some services, newest first: one quick request, for tight loops."""
        with explained("listing tasks"):
            tasks = self.api.tasks(filters={"service": list(service_names)})
        ordered = sorted(tasks, key=lambda task: str(task.get("CreatedAt", "")), reverse=True)
        return tuple(task_of(task) for task in ordered)

    def image_id(self, reference: str) -> str | None:
        """The id of a local image, None if the engine does not have it."""
        with explained(f"looking for the image {reference}"):
            try:
                return cast("str", self.api.inspect_image(reference)["Id"])
            except NotFound:
                return None

    # Services

    def ensure_service(self, workload: Workload) -> Change:
        """Make the service, or update it where it differs, and say which.

        The label ``havre.spec`` of what runs is compared with the workload's fingerprint, and what runs
        with what would be sent: somebody may have changed it by hand.
        """
        wanted = workload.labelled(**{naming.SPEC: workload.fingerprint()})
        with explained(f"starting {workload.name}"):
            current = self._inspect(workload.name)
            if current is None:
                self.api.create_service(**_arguments(self._request(wanted)))
                return Change.CREATED
            self._require_own(current, wanted)
            is_other = current["Spec"].get("Labels", {}).get(naming.SPEC) != wanted.fingerprint()
            request = self._request(wanted)
            if is_other or _plain_facts(current["Spec"]) != _plain_facts(request):
                self.update(workload.name, lambda _spec: request)
                return Change.UPDATED
        return Change.NONE

    def has_service(self, name: str) -> bool:
        """Whether there is a service of that name."""
        with explained(f"looking for {name}"):
            return self._inspect(name) is not None

    @staticmethod
    def _require_own(current: dict[str, Any], wanted: Workload) -> None:
        """Never change what belongs to another environment, should two names ever meet."""
        there, here = current["Spec"].get("Labels") or {}, dict(wanted.labels)
        for key in (naming.PROJECT, naming.ENVIRONMENT):
            if there.get(key) != here.get(key):
                raise EngineError(
                    f"{wanted.name} belongs to {there.get(naming.PROJECT)}/{there.get(naming.ENVIRONMENT)}",
                    hint="rename the environment or the service",
                )

    def is_updating(self, name: str, change: Change) -> bool:
        """Whether the engine is still replacing the service's tasks after a change.

        Swarm clears its update status when it takes an update, and sets it once it has begun to replace
        tasks. So an empty status right after an update means "not yet" if there are tasks of an earlier
        template, else that there is none to replace: only the number of tasks or a label changed.
        """
        with explained(f"inspecting {name}"):
            service = self._inspect(name) or {}
            state = (service.get("UpdateStatus") or {}).get("State", "")
            if state or change is not Change.UPDATED:
                return bool(state == "updating")
            tasks = self.api.tasks(filters={"service": [name], "desired-state": ["running", "ready"]})
        template = _template(service.get("Spec", {}).get("TaskTemplate"))
        return any(_template(task.get("Spec")) != template for task in tasks)

    def mark(self, name: str, label: str, value: str) -> None:
        """Set a label of a service; its tasks go on."""

        def change(spec: dict[str, Any]) -> dict[str, Any]:
            return {**spec, "Labels": {**(spec.get("Labels") or {}), label: value}}

        with explained(f"marking {name}"):
            self.update(name, change)

    def scale(self, name: str, replicas: int) -> None:
        """Set the number of tasks."""

        def change(spec: dict[str, Any]) -> dict[str, Any]:
            return {**spec, "Mode": {"Replicated": {"Replicas": replicas}}}

        with explained(f"scaling {name} to {replicas}"):
            self.update(name, change)

    def remove_service(self, name: str) -> None:
        """Remove a service if it is there; its tasks end in their stop grace period."""
        with explained(f"removing {name}"):
            try:
                self.api.remove_service(name)
            except NotFound:
                return

    def _inspect(self, name: str) -> dict[str, Any] | None:
        try:
            return cast("dict[str, Any]", self.api.inspect_service(name))
        except NotFound:
            return None

    def _request(self, workload: Workload) -> dict[str, Any]:
        networks = {a.network: self.network_id(a.network) for a in workload.attachments}
        secrets = {f.secret: self._secret_id(f.secret) for f in workload.secret_files}
        configs = {f.config: config_id(self.api, f.config) for f in workload.config_files}
        needed = {**networks, **secrets, **configs}
        missing = [name for name, found in needed.items() if found is None]
        if missing:
            raise EngineError(f"{workload.name} needs {', '.join(missing)}, which the engine does not have")
        return service_request(
            workload,
            networks=cast("dict[str, str]", networks),
            secrets=cast("dict[str, str]", secrets),
            configs=cast("dict[str, str]", configs),
        )

    def update(self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change a service's description; somebody else's update in between is met by reading again."""
        out_of_sequence = retry_if_exception(lambda error: "out of sequence" in str(error))
        for attempt in Retrying(
            retry=out_of_sequence, stop=stop_after_delay(10), wait=wait_fixed(0.05), reraise=True
        ):
            with attempt:
                current = self.api.inspect_service(name)
                request = change(current["Spec"])
                self.api.update_service(
                    current["ID"], version=current["Version"]["Index"], **_arguments(request)
                )

    def events(self, client: docker.APIClient) -> Iterator[dict[str, Any]]:
        """What happens to containers, services and nodes, as it happens."""
        with explained("following events"):
            yield from client.events(
                decode=True,
                filters={
                    "type": ["container", "service", "node"],
                    "event": ["start", "die", "kill", "health_status", "update", "create", "remove"],
                },
            )


def _plain_facts(spec: dict[str, Any]) -> dict[str, str]:
    return facts(spec, networks={}, hide=str)


def _arguments(request: dict[str, Any]) -> dict[str, Any]:
    """An engine request as the arguments by which the SDK takes it."""
    return {
        "name": request["Name"],
        "labels": request["Labels"],
        "task_template": request["TaskTemplate"],
        "mode": request["Mode"],
        "update_config": request.get("UpdateConfig"),
        "endpoint_spec": request.get("EndpointSpec"),
    }


def _template(spec: dict[str, Any] | None) -> dict[str, Any]:
    """What a task is made from; the engine names the runtime in services' templates only."""
    return {key: value for key, value in (spec or {}).items() if key != "Runtime"}
