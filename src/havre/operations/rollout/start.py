"""Start what a release changes beside what serves; stop first what cannot run twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from havre.domain import rollout
from havre.domain.drift import redone
from havre.domain.rollout import Beginning, Replacement
from havre.domain.snapshot import ENDED
from havre.errors import RolloutError
from havre.manifest import AppService
from havre.operations import drift
from havre.operations.domains import refuse_taken
from havre.operations.rollout.serving import serving
from havre.operations.rollout.target import Target

_POLL: Final = 0.05  # seconds


def start(target: Target) -> str:
    """Start what changed, beside what serves; a service that owns a volume stops first."""
    run, engine = target.run, target.engine
    refuse_taken(run.platform.config, run.environment, target.composition.spec)
    plan = _plan(target)
    _remember(target, plan)
    workloads = target.composition.applications()
    present = engine.environment(run.project, run.environment.name)
    started, unchanged = [], []
    for item in plan:
        workload = workloads[item.service]
        service = present.get(item.swarm_service)
        if target.rolls(item.service):
            # The first step, or as far as the update had come when the worker died.
            replicas = max(
                min(target.step(item.service), workload.replicas), service.replicas if service else 0
            )
            workload = replace(workload, replicas=replicas)
        needs = rollout.beginning(service, replicas=workload.replicas, fingerprint=workload.fingerprint())
        if needs is Beginning.NOTHING:
            unchanged.append(item.service)
            continue
        if target.stops_first(item.service):
            _stop_serving(target, item.service)
        if needs is Beginning.TASKS:
            engine.scale(item.swarm_service, workload.replicas)
        elif needs is Beginning.ITSELF:
            named = replace(workload, name=service.name, labels=service.labels) if service else workload
            engine.ensure_service(named)
        started.append(item.service)
    note = f"; as it runs: {', '.join(unchanged)}" if unchanged else ""
    return f"{', '.join(started) or 'nothing to start'}{note}"


def _plan(target: Target) -> tuple[Replacement, ...]:
    """What starts anew: stored with the release, so that a second run plans the same."""
    run, release = target.run, target.release
    if release.swarm_services:
        snapshot = target.engine.environment(run.project, run.environment.name)
        own = {name: w.name for name, w in target.composition.applications().items()}
        # A service that was carried over from a release long removed starts under its own name.
        there = {
            name: swarm_name if snapshot.get(swarm_name) else own[name]
            for name, swarm_name in release.swarm_services.items()
        }
        return tuple(Replacement(name, s, s == own[name]) for name, s in there.items())
    # What was changed by hand starts anew, beside the changed one: no request fails.
    changed = redone(drift.of_services(run.platform, run.environment))
    wanted = {
        name: (workload.name, workload.fingerprint())
        for name, workload in target.composition.applications().items()
    }
    return rollout.replacements(wanted, serving(target.engine, run.environment), force=target.force | changed)


def _remember(target: Target, plan: Sequence[Replacement]) -> None:
    current = target.run.environment.current_release
    if current and current.pk != target.release.pk:
        target.run.remember(replaces=current.number)
    names = {item.service: item.swarm_service for item in plan}
    if target.release.swarm_services != names:
        target.release.swarm_services = names
        target.release.save(update_fields=["swarm_services"])


def hold(target: Target) -> str:
    """Stop every application of the release that served or serves and of the one to go to; pages go on.

    Undoing the rollout brings back what served.
    """
    current = target.run.environment.current_release
    if current and current.pk != target.release.pk:
        target.run.remember(replaces=current.number)
    stopped = []
    for one in filter(None, (current, target.replaced(), target.release)):
        services = target.other(one).composition.spec.services
        for name, swarm_name in one.swarm_services.items():
            if isinstance(services.get(name), AppService):
                stop_and_wait(target, swarm_name)
                stopped.append(name)
    return f"{', '.join(dict.fromkeys(stopped))} stopped" if stopped else "nothing to stop"


def _stop_serving(target: Target, name: str) -> None:
    current = target.run.environment.current_release
    swarm_name = current.swarm_services.get(name) if current else None
    if swarm_name and swarm_name != target.release.swarm_services.get(name):
        stop_and_wait(target, swarm_name)


def stop_and_wait(target: Target, swarm_name: str) -> None:
    """Two tasks must never hold one volume, so wait until the last has really ended."""
    snapshot = target.engine.environment(target.run.project, target.run.environment.name)
    if not snapshot.get(swarm_name):
        return
    target.engine.scale(swarm_name, 0)
    for _ in target.run.wait(every=_POLL, at_most=300.0):
        if all(task.state in ENDED for task in target.engine.tasks_of([swarm_name])):
            return
    raise RolloutError(f"{swarm_name} did not stop", hint="`havre ps` and `havre logs` show its state")
