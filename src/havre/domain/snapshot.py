"""What runs, as one frozen picture: every decision looks at one of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from havre.domain import naming

ENDED: Final = frozenset({"complete", "failed", "rejected", "shutdown", "orphaned", "remove"})
STOP_GRACE: Final = 10.0
"""Seconds that the engine gives a task after its stop signal, if a service does not say."""


@dataclass(frozen=True)
class Task:
    """One task of a service. ``addresses`` by network name, known before the task runs.

    ``since`` is told by the node that the task is on; ``created`` and ``updated`` by the manager.
    """

    id: str
    service: str
    slot: int
    state: str
    desired: str
    addresses: tuple[tuple[str, str], ...] = ()
    container: str = ""
    node: str = ""
    message: str = ""
    error: str = ""
    exit_code: int | None = None
    since: str = ""
    created: str = field(default="", compare=False)
    updated: str = field(default="", compare=False)

    @property
    def is_running(self) -> bool:
        """Whether it runs and is meant to."""
        return self.state == "running" and self.desired == "running"

    @property
    def has_failed(self) -> bool:
        """Whether it ended by itself, not because it was told to."""
        return self.state in {"failed", "rejected"}

    def address(self, network: str) -> str | None:
        """Its address on a network, once it has one."""
        return dict(self.addresses).get(network)


@dataclass(frozen=True)
class Service:
    """One Swarm service and its tasks, newest first."""

    id: str
    name: str
    labels: tuple[tuple[str, str], ...]
    image: str
    replicas: int
    tasks: tuple[Task, ...] = ()
    is_job: bool = False
    stop_grace: float = STOP_GRACE
    """Seconds that each task may take after its stop signal."""

    def label(self, name: str) -> str:
        """A label's value, empty if it has none."""
        return dict(self.labels).get(name, "")

    @property
    def running(self) -> tuple[Task, ...]:
        """Its tasks that run and are meant to."""
        return tuple(task for task in self.tasks if task.is_running)

    @property
    def has_converged(self) -> bool:
        """As many tasks run as are wanted, and none lingers that should not."""
        lingering = [task for task in self.tasks if task.desired != "running" and task.state not in ENDED]
        return len(self.running) == self.replicas and not lingering


@dataclass(frozen=True)
class Snapshot:
    """All services of Havre that the engine had at one moment."""

    services: tuple[Service, ...] = ()
    by_name: dict[str, Service] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {service.name: service for service in self.services})

    def get(self, name: str) -> Service | None:
        """A service by its name."""
        return self.by_name.get(name)

    def of(self, project: str, environment: str) -> tuple[Service, ...]:
        """The services of one environment."""
        return tuple(
            service
            for service in self.services
            if service.label(naming.PROJECT) == project and service.label(naming.ENVIRONMENT) == environment
        )
