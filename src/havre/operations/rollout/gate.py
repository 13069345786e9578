"""The gate: a release gets traffic when its tasks answered, asked the way that users take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from havre.adapters.host import moments
from havre.domain import rollout
from havre.domain.moments import Moment, was_set
from havre.domain.rollout import Readiness
from havre.domain.snapshot import ENDED, Task
from havre.errors import RolloutError
from havre.operations.readiness import Prober
from havre.operations.rollout.target import Target
from havre.operations.routing import candidates_of

_POLL: Final = 0.05  # seconds: the pace of the gate; a release is seen to be ready this soon


def gate(target: Target, replicas: Mapping[str, int] | None = None) -> str:
    """Wait until every candidate task answered well twice, asked through the router.

    Args:
        target: the release that is to serve.
        replicas: how many tasks are waited for, by service; None: all that were started.
    """
    wanted = _started(target) if replicas is None else replicas
    waiting = {name: target.release.swarm_services[name] for name in wanted}
    # The engine remembers tasks that failed long ago; they say nothing about this start.
    before = {t.id for tasks in target.tasks(waiting.values()).values() for t in tasks if t.state in ENDED}
    patience = max((target.patience(name) for name in waiting), default=0.0)
    prober = Prober(target.engine, since=_began(target))
    for elapsed in target.run.wait(every=_POLL, at_most=patience + 1.0):
        tasks = target.tasks(waiting.values())
        _probe(target, waiting, tasks)
        for name, swarm_name in list(waiting.items()):
            verdict = rollout.judge(
                [task for task in tasks[swarm_name] if task.id not in before],
                replicas=wanted[name],
                passes=_passes(target, prober, name, tasks[swarm_name], elapsed),
                elapsed=elapsed,
                patience=target.patience(name),
            )
            if verdict.readiness is Readiness.FAILED:
                missing = prober.missing(target.service(name), verdict.culprit)
                raise target.failure(name, verdict.reason, verdict.culprit, missing=missing)
            if verdict.readiness is Readiness.READY:
                del waiting[name]
        if not waiting:
            return f"all ready after {elapsed:.1f} s"
    raise RolloutError(f"{', '.join(waiting)} did not become ready in time")


def _started(target: Target) -> dict[str, int]:
    """How many tasks of each service there are to be by now: of one that rolls, those of its steps."""
    snapshot = target.engine.environment(target.run.project, target.run.environment.name)
    wanted = {}
    for name in target.composition.applications():
        service = snapshot.get(target.release.swarm_services[name])
        wanted[name] = service.replicas if service and target.rolls(name) else target.wanted(name)
    return wanted


def _probe(target: Target, services: Mapping[str, str], tasks: Mapping[str, Sequence[Task]]) -> None:
    target.routing.probe(
        [
            candidate
            for name, swarm_name in services.items()
            for candidate in candidates_of(target.service(name), tasks[swarm_name])
        ]
    )


def _passes(
    target: Target, prober: Prober, name: str, tasks: Sequence[Task], elapsed: float
) -> Mapping[str, int]:
    service = target.service(name)
    return target.routing.passes() if service.port is not None else prober.passes(service, tasks, elapsed)


def _began(target: Target) -> str:
    """When the operation began, as the engine writes times; a task that ran before was ready then.

    Empty if the clock was set meanwhile: a new task would seem to have run before.
    """
    began = Moment.stored(target.run.operation.clock)
    if began is None or was_set(began, moments.now()):
        return ""
    return datetime.fromtimestamp(began.wall, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def watch(target: Target, known: set[str]) -> None:
    """Fail as soon as a task of the release ends that served; ``known`` are those that had before."""
    own = {
        name: target.release.swarm_services[name]
        for name, workload in target.composition.applications().items()
        if workload.name == target.release.swarm_services.get(name)
    }
    tasks = target.tasks(own.values())
    for name, swarm_name in own.items():
        for task in tasks[swarm_name]:
            if task.id not in known and (task.has_failed or task.state == "complete"):
                raise target.failure(name, "it served, and then a task ended", task)
