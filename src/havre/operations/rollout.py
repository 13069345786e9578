"""From one release to another without a failed request: start, gate, switch, prove, drain.

Deploying, rolling back and restarting differ in where the release comes from; what follows is the
same and stands here. Every method may run again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from havre.domain import naming, rollout
from havre.domain.rollout import Readiness, Replacement
from havre.domain.snapshot import ENDED, Service, Task
from havre.errors import HavreError, RolloutError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations import data_services
from havre.operations.context import Run, Step
from havre.operations.diagnosis import failure
from havre.operations.domains import refuse_taken
from havre.operations.routing import candidates_of, health_of, routed_services
from havre.operations.workloads import Composition
from havre.records import queries
from havre.records.models import Release

_POLL: Final = 0.05  # seconds: the pace of the gate; a release is seen to be ready this soon
_PROOF_PATIENCE: Final = 15.0
_STOP_SLACK: Final = 10.0
_WITHOUT_PORT_PATIENCE: Final = 60.0


class Rollout:
    """Takes an environment to the release that ``take`` names; its draft says what to run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._release: Release | None = None
        self._composition: Composition | None = None
        self._force: frozenset[str] = frozenset()
        self._engine = run.platform.engine
        self._routing = run.platform.routing

    def take(self, release: Release, *, force: frozenset[str] = frozenset()) -> None:
        """Say which release to go to, and which services start anew even if nothing changed."""
        self._release, self._composition, self._force = release, None, force

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
        return self._composition

    @property
    def data_step(self) -> Step:
        """The step that comes before a release command may use the databases."""
        return Step("data", "Prepare databases and networks", self.prepare_data)

    @property
    def kept_data_step(self) -> Step:
        """The same where code changes and data does not."""
        return Step("data", "Find databases and networks", self.keep_data)

    @property
    def switch_steps(self) -> tuple[Step, ...]:
        """The steps from a prepared release to one that serves alone."""
        return (
            Step("start", "Start the release beside the one that serves", self.start),
            Step("gate", "Wait until it is healthy", self.gate),
            Step("switch", "Switch the traffic", self.switch),
            Step("prove", "Ask it through the public route", self.prove),
            Step("drain", "Let the replaced release finish", self.drain),
            Step("converge", "Wait for the engine to converge", self.converge),
        )

    # Steps

    def prepare_data(self) -> str:
        """Networks, secrets, databases and caches, as this release wants them."""
        return data_services.apply(self.run, self.composition, self._data_failure)

    def keep_data(self) -> str:
        """Networks and secrets, and databases and caches as they run now."""
        return data_services.keep(self.run, self.composition, self._data_failure)

    def start(self) -> str:
        """Start what changed, beside what serves; a service that owns a volume stops first."""
        refuse_taken(self.run.platform.config, self.run.environment, self.composition.spec)
        plan = self._plan()
        self._remember(plan)
        workloads = self.composition.applications()
        present = self._engine.environment(self.run.project, self.run.environment.name)
        started, unchanged = [], []
        for item in plan:
            workload = workloads[item.service]
            service = present.get(item.swarm_service)
            if service and len(service.running) >= workload.replicas == service.replicas:
                unchanged.append(item.service)
                continue
            if self._stops_first(item.service):
                self._stop_serving(item.service)
            if service is None:
                self._engine.ensure_service(workload)
            elif service.replicas != workload.replicas:
                self._engine.scale(service.name, workload.replicas)
            started.append(item.service)
        note = f"; as it runs: {', '.join(unchanged)}" if unchanged else ""
        return f"{', '.join(started) or 'nothing to start'}{note}"

    def gate(self) -> str:
        """Wait until every candidate task answered well twice, asked through the router."""
        waiting = {name: self.release.swarm_services[name] for name in self.composition.applications()}
        # The engine remembers tasks that failed long ago; they say nothing about this start.
        before = {t.id for tasks in self._tasks(waiting.values()).values() for t in tasks if t.state in ENDED}
        patience = max((self._patience(name) for name in waiting), default=0.0)
        for elapsed in self.run.wait(every=_POLL, at_most=patience + 1.0):
            tasks = self._tasks(waiting.values())
            self._probe(waiting, tasks)
            for name, swarm_name in list(waiting.items()):
                verdict = rollout.judge(
                    [task for task in tasks[swarm_name] if task.id not in before],
                    replicas=self.wanted(name),
                    passes=self._passes(name, tasks[swarm_name], elapsed),
                    elapsed=elapsed,
                    patience=self._patience(name),
                )
                if verdict.readiness is Readiness.FAILED:
                    raise self._failure(name, verdict.reason, verdict.culprit)
                if verdict.readiness is Readiness.READY:
                    del waiting[name]
            if not waiting:
                return f"all ready after {elapsed:.1f} s"
        raise RolloutError(f"{', '.join(waiting)} did not become ready in time")

    def switch(self) -> str:
        """Make the release the live one, then write the route: one file, renamed into place."""
        replaced = self.run.environment.current_release
        if replaced and replaced.pk != self.release.pk:
            self.run.remember(replaces=replaced.number)
        self.run.remember(release=self.release.number)
        queries.go_live(self.release)
        self.run.environment.refresh_from_db()
        self._routing.publish(self.run.environment)
        return f"release {self.release.number} takes the traffic"

    def prove(self) -> str:
        """Ask each public route until the new release answers it."""
        asked = []
        for routed in routed_services(self.run.environment, self.release):
            for rule in routed.rules:
                path = routed.health.path if rule.paths == ("/",) else rule.paths[0]
                self._prove_route(rule.host, path, https=rule.https)
                asked.append(rule.host)
        return ", ".join(asked) or "no public route"

    def drain(self) -> str:
        """Let what served before finish its requests, and watch the new release meanwhile."""
        serving = frozenset(self.release.swarm_services.values())
        old = self._idle(serving)
        if not old:
            return "nothing was replaced"
        self.run.environment.refresh_from_db()
        patience = max((float(service.drain) for service in self._old_and_new()), default=0.0)
        if not any(service.running for service in old):
            patience = 0.0
        known = {task.id for tasks in self._tasks(serving).values() for task in tasks if not task.is_running}
        for _ in self.run.wait(every=0.2, at_most=patience):
            self._watch(known)
        cleanup = rollout.cleanup(old, serving=serving, kept=self._kept())
        for name in cleanup.stop:
            self._engine.scale(name, 0)
        for name in cleanup.remove:
            self._engine.remove_service(name)
        return f"kept for a rollback: {', '.join(cleanup.stop) or 'nothing'}"

    def converge(self) -> str:
        """Report success only when the engine runs just what the release wants."""
        patience = _STOP_SLACK + max((float(s.stop_grace) for s in self._old_and_new()), default=0.0)
        for _ in self.run.wait(every=0.2, at_most=patience):
            snapshot = self._engine.environment(self.run.project, self.run.environment.name)
            services = [s for s in snapshot.of(self.run.project, self.run.environment.name) if not s.is_job]
            if all(service.has_converged for service in services):
                self.run.platform.routing.forget(t.id for s in services for t in s.tasks)
                return f"{sum(len(s.running) for s in services)} tasks run"
        pending = [service.name for service in services if not service.has_converged]
        raise RolloutError(
            f"the engine has not converged: {', '.join(pending)}", hint="`havre ps` shows what it waits for"
        )

    def undo(self) -> str:
        """Let what served before serve again, and remove what this rollout started."""
        environment = self.run.environment
        environment.refresh_from_db()
        replaced = self._replaced()
        if environment.current_release_id == self.release.pk:
            if replaced is None:
                environment.current_release = None
                environment.save(update_fields=["current_release"])
            else:
                self._revive(replaced)
                queries.go_live(replaced)
        elif replaced is not None:
            self._revive(replaced)
        environment.refresh_from_db()
        self._routing.publish(environment)
        self._remove_own()
        if self.release.live_at is None or self.release.operation_id == self.run.operation.pk:
            Release.objects.filter(pk=self.release.pk).update(state=Release.State.FAILED)
        if replaced is None:
            return "nothing had served before; what was started was removed"
        back = Rollout(self.run)
        back.take(replaced)
        back.prove()
        return f"release {replaced.number} serves, as before"

    def _revive(self, replaced: Release) -> None:
        """Bring the replaced release's tasks back where they were stopped first."""
        rollout_back = Rollout(self.run)
        rollout_back.take(replaced)
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        stopped = []
        for name, swarm_name in replaced.swarm_services.items():
            service, wanted = snapshot.get(swarm_name), rollout_back.wanted(name)
            if service is None:
                continue
            if len(service.running) < wanted:
                stopped.append(name)
                is_other = self.release.swarm_services.get(name, swarm_name) != swarm_name
                if is_other and self._stops_first(name):
                    self._stop_candidate(name)
            if service.replicas != wanted:
                self._engine.scale(swarm_name, wanted)
        rollout_back.prepare_data()
        if stopped:
            rollout_back.gate()

    def _remove_own(self) -> None:
        """Remove what only this rollout needed."""
        current = self.run.environment.current_release
        serving = frozenset(current.swarm_services.values()) if current else frozenset()
        kept = self._kept()
        cleanup = rollout.cleanup(self._idle(serving), serving=serving, kept=kept)
        for name in cleanup.stop:
            self._engine.scale(name, 0)
        for name in cleanup.remove:
            self._engine.remove_service(name)

    # What is needed for that

    def wanted(self, name: str) -> int:
        """How many tasks a service of this release is to have."""
        return self.composition.replicas(name, self._service(name))

    def _service(self, name: str) -> AppService | StaticService:
        service = self.composition.spec.services[name]
        if not isinstance(service, AppService | StaticService):
            raise TypeError(f"{name} is a database")
        return service

    def _plan(self) -> tuple[Replacement, ...]:
        """What starts anew: stored with the release, so that a second run plans the same."""
        current = self.run.environment.current_release
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        if self.release.swarm_services:
            own = {name: w.name for name, w in self.composition.applications().items()}
            # A service that was carried over from a release long removed starts under its own name.
            there = {
                name: swarm_name if snapshot.get(swarm_name) else own[name]
                for name, swarm_name in self.release.swarm_services.items()
            }
            return tuple(Replacement(name, s, s == own[name]) for name, s in there.items())
        serving = {
            name: (swarm_name, service.label(naming.SPEC))
            for name, swarm_name in (current.swarm_services if current else {}).items()
            if (service := snapshot.get(swarm_name)) and service.running
        }
        wanted = {
            name: (workload.name, workload.fingerprint())
            for name, workload in self.composition.applications().items()
        }
        return rollout.replacements(wanted, serving, force=self._force)

    def _remember(self, plan: Sequence[Replacement]) -> None:
        current = self.run.environment.current_release
        if current and current.pk != self.release.pk:
            self.run.remember(replaces=current.number)
        names = {item.service: item.swarm_service for item in plan}
        if self.release.swarm_services != names:
            self.release.swarm_services = names
            self.release.save(update_fields=["swarm_services"])

    def _replaced(self) -> Release | None:
        number = self.run.operation.result.get("replaces")
        return self.run.environment.releases.filter(number=number).first() if number else None

    def _kept(self) -> frozenset[str]:
        """Services to keep at 0: of the release replaced last, and of the one before the live one."""
        targets = [self._replaced(), queries.previous_release(self.run.environment)]
        return frozenset(name for target in targets if target for name in target.swarm_services.values())

    def _idle(self, serving: frozenset[str]) -> tuple[Service, ...]:
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        return tuple(
            service
            for service in snapshot.of(self.run.project, self.run.environment.name)
            if service.label(naming.ROLE) == "app" and service.name not in serving
        )

    def _stops_first(self, name: str) -> bool:
        return str(self._service(name).strategy) == "recreate"

    def _stop_serving(self, name: str) -> None:
        current = self.run.environment.current_release
        swarm_name = current.swarm_services.get(name) if current else None
        if swarm_name and swarm_name != self.release.swarm_services.get(name):
            self._stop_and_wait(swarm_name)

    def _stop_candidate(self, name: str) -> None:
        swarm_name = self.release.swarm_services.get(name, "")
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        if snapshot.get(swarm_name):
            self._stop_and_wait(swarm_name)

    def _stop_and_wait(self, swarm_name: str) -> None:
        """Two tasks must never hold one volume, so wait until the last has really ended."""
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        if not snapshot.get(swarm_name):
            return
        self._engine.scale(swarm_name, 0)
        for _ in self.run.wait(every=_POLL, at_most=300.0):
            if all(task.state in ENDED for task in self._engine.tasks_of([swarm_name])):
                return
        raise RolloutError(f"{swarm_name} did not stop", hint="`havre ps` and `havre logs` show its state")

    def _patience(self, name: str) -> float:
        service = self._service(name)
        if service.health is None:
            return _WITHOUT_PORT_PATIENCE
        health = health_of(service)
        return health.start_period + health.retries * (health.interval + health.timeout)

    def _old_and_new(self) -> list[AppService | StaticService]:
        """Services of this release and of the one it replaces: what ends keeps its own times."""
        releases = [release for release in (self.release, self._replaced()) if release]
        return [
            service
            for release in releases
            for service in EnvironmentSpec.model_validate(release.spec).services.values()
            if isinstance(service, AppService | StaticService)
        ]

    def _tasks(self, swarm_names: Iterable[str]) -> dict[str, tuple[Task, ...]]:
        snapshot = self._engine.environment(self.run.project, self.run.environment.name)
        return {name: service.tasks if (service := snapshot.get(name)) else () for name in swarm_names}

    def _probe(self, services: Mapping[str, str], tasks: Mapping[str, Sequence[Task]]) -> None:
        self._routing.probe(
            [
                candidate
                for name, swarm_name in services.items()
                for candidate in candidates_of(self._service(name), tasks[swarm_name])
            ]
        )

    def _passes(self, name: str, tasks: Sequence[Task], elapsed: float) -> Mapping[str, int]:
        if self._service(name).port is not None:
            return self._routing.passes()
        steady = elapsed >= rollout.STEADY_SECONDS
        return {task.id: rollout.PASSES_WANTED for task in tasks if task.is_running and steady}

    def _watch(self, known: set[str]) -> None:
        """Fail as soon as a task of the new release ends, or stops answering for good."""
        own = {
            name: self.release.swarm_services[name]
            for name, workload in self.composition.applications().items()
            if workload.name == self.release.swarm_services.get(name)
        }
        tasks = self._tasks(own.values())
        for name, swarm_name in own.items():
            for task in tasks[swarm_name]:
                if task.id not in known and (task.has_failed or task.state == "complete"):
                    raise self._failure(name, "it served, and then a task ended", task)

    def _prove_route(self, host: str, path: str, *, https: bool) -> None:
        router = self._routing.connect()
        answer = None
        for _ in self.run.wait(every=_POLL, at_most=_PROOF_PATIENCE):
            answer = router.ask_public(host, path, https=https, timeout=5.0)
            if answer.release == self.release.number and answer.is_good:
                return
        raise RolloutError(
            f"{host}{path} is not answered by release {self.release.number}: {answer}",
            hint="the old release serves again; `havre logs` shows what the new one said",
        )

    def _data_failure(self, name: str, task: Task) -> HavreError:
        return self._failure(name, "it does not start", task)

    def _failure(self, name: str, reason: str, task: Task | None) -> HavreError:
        workloads = {**self.composition.applications(), **self.composition.data()}
        return failure(
            self._engine,
            self._routing,
            name,
            reason,
            task,
            memory_limit=workloads[name].limits.memory,
        )
