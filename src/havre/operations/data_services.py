"""Databases and caches of an environment: started once, changed in place, never side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from havre.adapters.swarm.configs import ensure_config
from havre.adapters.swarm.engine import Change
from havre.domain import naming
from havre.domain.rollout import FAILURES_ALLOWED
from havre.domain.snapshot import Task
from havre.domain.workload import Workload
from havre.errors import HavreError, RolloutError
from havre.operations.context import Run
from havre.operations.continuity import protect
from havre.operations.workloads import Composition

_POLL: Final = 0.1
_PATIENCE: Final = 180.0

Explain = Callable[[str, Task], HavreError]
"""Makes the error for a service whose task ended."""


def apply(run: Run, composition: Composition, explain: Explain) -> str:
    """Have them as the release wants them, healthy."""
    return _apply(run, composition, composition.data(), explain)


def keep(run: Run, composition: Composition, explain: Explain) -> str:
    """Have them as they run now, and start only what is not there.

    Returning to earlier code does not restart a database, whatever its settings were then.
    """
    present = run.platform.engine.environment(run.project, run.environment.name)
    absent = {name: w for name, w in composition.data().items() if not present.get(w.name)}
    return _apply(run, composition, absent, explain)


def retire(run: Run, composition: Composition) -> str:
    """Remove databases and caches that the release does not have; their volumes stay.

    A later rollback starts them again, on their volumes.
    """
    engine = run.platform.engine
    wanted = {workload.name for workload in composition.data().values()}
    present = engine.environment(run.project, run.environment.name)
    gone = [
        service
        for service in present.of(run.project, run.environment.name)
        if service.label(naming.ROLE) == "data" and service.name not in wanted
    ]
    for service in gone:
        engine.remove_service(service.name)
    return ", ".join(service.label(naming.SERVICE) for service in gone)


def ground(run: Run, composition: Composition) -> None:
    """Have the network, and the secrets and files that databases and caches are given."""
    engine = run.platform.engine
    marks = naming.labels(run.project, run.environment.name)
    engine.ensure_network(naming.environment_name(run.project, run.environment.name), marks)
    for name, value in composition.swarm_secrets().items():
        engine.ensure_secret(name, value, marks)
    for name, text in composition.swarm_configs().items():
        ensure_config(engine, name, text, marks)


def _apply(run: Run, composition: Composition, workloads: Mapping[str, Workload], explain: Explain) -> str:
    engine = run.platform.engine
    ground(run, composition)
    # The engine remembers tasks that failed long ago; they say nothing about this start.
    present = engine.environment(run.project, run.environment.name).services
    before = frozenset(task.id for service in present for task in service.tasks)
    changes = {name: engine.ensure_service(workload) for name, workload in workloads.items()}
    for name, change in changes.items():
        swarm_name = workloads[name].name
        _wait(run, name, swarm_name, change, explain, before=before)
    done = [f"{change} {name}" for name, change in changes.items() if change]
    done += protect.prepare(run, composition, workloads)
    return ", ".join(done) or "nothing to change"


def _wait(
    run: Run, name: str, swarm_name: str, change: Change, explain: Explain, *, before: frozenset[str]
) -> None:
    engine = run.platform.engine
    for _ in run.wait(every=_POLL, at_most=_PATIENCE):
        tasks = engine.tasks_of([swarm_name])
        if any(task.is_running for task in tasks) and not engine.is_updating(swarm_name, change):
            return
        ended = [task for task in tasks if task.has_failed and task.id not in before]
        if len(ended) > FAILURES_ALLOWED:
            raise explain(name, ended[0])
    raise RolloutError(f"{name} did not become healthy", hint=f"see `havre logs --service {name}`")
