"""The release to go to, and what the manifest, the records and the engine say about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from havre.domain import naming
from havre.domain.snapshot import Service, Task
from havre.errors import HavreError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations.context import Run
from havre.operations.diagnosis import failure
from havre.operations.routing import health_of
from havre.operations.workloads import Composition
from havre.records import queries
from havre.records.models import Release

_WITHOUT_PORT_PATIENCE: Final = 60.0


class Target:
    """The release that ``take`` names; its draft says what to run.

    Args:
        run: the operation.
        is_gradual: whether it brings code that never served, which a canary is for.
    """

    def __init__(self, run: Run, *, is_gradual: bool = False) -> None:
        self.run = run
        self.is_gradual = is_gradual
        self.engine = run.platform.engine
        self.routing = run.platform.routing
        self.force: frozenset[str] = frozenset()
        self._release: Release | None = None
        self._composition: Composition | None = None

    def take(self, release: Release, *, force: frozenset[str] = frozenset()) -> None:
        """Say which release to go to, and which services start anew even if nothing changed."""
        self._release, self._composition, self.force = release, None, force

    def other(self, release: Release) -> Target:
        """The same run with another release to go to."""
        target = Target(self.run)
        target.take(release)
        return target

    @property
    def is_taken(self) -> bool:
        """Whether an earlier step, or an earlier run of it, said which release to go to."""
        return self._release is not None

    @property
    def release(self) -> Release:
        """The release to go to."""
        if self._release is None:
            raise RuntimeError("an earlier step says which release to go to")
        return self._release

    @property
    def composition(self) -> Composition:
        """The release as workloads; made when its images are known."""
        if self._composition is None:
            self._composition = Composition.of(self.run.platform.config, self.release)
            self.run.redact.hide(self._composition.opened())
        return self._composition

    # What the manifest says

    def service(self, name: str) -> AppService | StaticService:
        """What the manifest says of a service that a release brings."""
        service = self.composition.spec.services[name]
        if not isinstance(service, AppService | StaticService):
            raise TypeError(f"{name} is a database")
        return service

    def wanted(self, name: str) -> int:
        """How many tasks a service of this release is to have."""
        return self.composition.replicas(name, self.service(name))

    def stops_first(self, name: str) -> bool:
        """Whether the serving tasks have to end before new ones may start."""
        return self.service(name).strategy.kind == "recreate"

    def step(self, name: str) -> int:
        """How many tasks of a service that rolls are replaced at a time."""
        return self.service(name).strategy.step or 1

    def rolls(self, name: str) -> bool:
        """Whether a service replaces the tasks of another release in steps."""
        return self.service(name).strategy.kind == "rolling" and bool(self.source(name))

    def is_canary(self, name: str) -> bool:
        """Whether a service is to get its requests in shares, beside a release that serves now."""
        if not self.is_gradual or self.service(name).strategy.kind != "canary" or not self.source(name):
            return False
        before = self.replaced_target().composition.spec.services.get(name)
        return isinstance(before, AppService | StaticService) and bool(before.domains)

    def source(self, name: str) -> str:
        """The Swarm service of the replaced release that this one's takes over from; empty if none."""
        replaced = self.replaced()
        there = replaced.swarm_services.get(name, "") if replaced else ""
        if there in {"", self.release.swarm_services.get(name)}:
            return ""
        snapshot = self.engine.environment(self.run.project, self.run.environment.name)
        service = snapshot.get(there)
        return there if service and service.replicas else ""

    def patience(self, name: str) -> float:
        """Seconds within which a service has to become ready."""
        service = self.service(name)
        if isinstance(service, AppService) and service.ready:
            ready = service.ready
            return ready.start_period + ready.retries * (ready.interval + ready.timeout)
        if service.health is None:
            return _WITHOUT_PORT_PATIENCE
        health = health_of(service)
        return health.start_period + health.retries * (health.interval + health.timeout)

    def old_and_new(self) -> list[AppService | StaticService]:
        """Services of this release and of the one it replaces: what ends keeps its own times."""
        releases = [release for release in (self.release, self.replaced()) if release]
        return [
            service
            for release in releases
            for service in EnvironmentSpec.model_validate(release.spec).services.values()
            if isinstance(service, AppService | StaticService)
        ]

    # What the records say

    def replaced(self) -> Release | None:
        """The release that served when this operation began."""
        number = self.run.operation.result.get("replaces")
        return self.run.environment.releases.filter(number=number).first() if number else None

    def replaced_target(self) -> Target:
        """The replaced release, seen in the same way.

        Raises:
            RuntimeError: nothing was replaced.
        """
        replaced = self.replaced()
        if replaced is None:
            raise RuntimeError("nothing was replaced")
        return self.other(replaced)

    def kept(self) -> frozenset[str]:
        """Services to keep at 0: of the release replaced last, and of the one before the live one."""
        targets = [self.replaced(), queries.previous_release(self.run.environment)]
        return frozenset(name for target in targets if target for name in target.swarm_services.values())

    # What the engine says

    def idle(self, serving: frozenset[str]) -> tuple[Service, ...]:
        """The environment's Swarm services of releases, but those that serve."""
        snapshot = self.engine.environment(self.run.project, self.run.environment.name)
        return tuple(
            service
            for service in snapshot.of(self.run.project, self.run.environment.name)
            if service.label(naming.ROLE) == "app" and service.name not in serving
        )

    def tasks(self, swarm_names: Iterable[str]) -> dict[str, tuple[Task, ...]]:
        """Tasks by Swarm service; none of one that does not exist."""
        snapshot = self.engine.environment(self.run.project, self.run.environment.name)
        return {name: service.tasks if (service := snapshot.get(name)) else () for name in swarm_names}

    def failure(self, name: str, reason: str, task: Task | None, *, missing: str = "") -> HavreError:
        """The error for a service that did not come up or ended."""
        workloads = {**self.composition.applications(), **self.composition.data()}
        return failure(
            self.engine,
            self.routing,
            name,
            reason,
            task,
            memory_limit=workloads[name].limits.memory,
            missing=missing,
        )

    def data_failure(self, name: str, task: Task) -> HavreError:
        """The error for a database that does not start."""
        return self.failure(name, "it does not start", task)
