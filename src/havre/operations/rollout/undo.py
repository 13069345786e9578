"""Undo a rollout: what served before serves again, and what was started is removed."""

from __future__ import annotations

from havre.domain.snapshot import Service
from havre.operations import data_services, teardown
from havre.operations.rollout.gate import gate
from havre.operations.rollout.rolling import roll_back
from havre.operations.rollout.shifting import end_sharing
from havre.operations.rollout.start import stop_and_wait
from havre.operations.rollout.switch import clean_up, prove
from havre.operations.rollout.target import Target
from havre.records import queries
from havre.records.models import Release


def undo(target: Target) -> str:
    """Let what served before serve again, and remove what this rollout started."""
    environment = target.run.environment
    environment.refresh_from_db()
    replaced = target.replaced()
    had_requests = bool(environment.shift) or environment.current_release_id == target.release.pk
    if replaced is not None:
        _revive(target, replaced)
    if environment.current_release_id == target.release.pk:
        if replaced is None:
            environment.current_release = None
            environment.save(update_fields=["current_release"])
        else:
            queries.go_live(replaced)
    environment.refresh_from_db()
    end_sharing(target.run)
    if replaced is not None and had_requests:
        _let_finish(target)
    _remove_own(target)
    if target.release.live_at is None or target.release.operation_id == target.run.operation.pk:
        Release.objects.filter(pk=target.release.pk).update(state=Release.State.FAILED)
    if environment.current_release is None:
        teardown.remove_all(target.run)
    if replaced is None:
        return "nothing had served before; what was started was removed"
    prove(target.other(replaced))
    return f"release {replaced.number} serves, as before"


def _revive(target: Target, replaced: Release) -> None:
    """Bring the replaced release's tasks back where they were stopped first, or in steps."""
    back = target.other(replaced)
    snapshot = target.engine.environment(target.run.project, target.run.environment.name)
    stopped = []
    for name, swarm_name in replaced.swarm_services.items():
        service, wanted = snapshot.get(swarm_name), back.wanted(name)
        if service is None:
            continue
        own = target.release.swarm_services.get(name, swarm_name)
        if own != swarm_name and service.replicas < wanted and _rolled(target, name, snapshot.get(own)):
            roll_back(target, name)
            continue
        if len(service.running) < wanted:
            stopped.append(name)
            if own != swarm_name and target.stops_first(name):
                stop_and_wait(target, own)
        if service.replicas != wanted:
            target.engine.scale(swarm_name, wanted)
    data_services.apply(back.run, back.composition, back.data_failure)
    if stopped:
        gate(back)


def _rolled(target: Target, name: str, own: Service | None) -> bool:
    return own is not None and own.replicas > 0 and target.service(name).strategy.kind == "rolling"


def _let_finish(target: Target) -> None:
    """Tasks that had requests have the time to finish them, as any that are replaced."""
    current = target.run.environment.current_release
    serving = frozenset(current.swarm_services.values()) if current else frozenset()
    busy = [
        task
        for service in target.idle(serving)
        for task in service.running
        if target.routing.is_admitted(task.id)
    ]
    if busy:
        patience = max((float(service.drain) for service in target.old_and_new()), default=0.0)
        for _ in target.run.wait(every=0.2, at_most=patience):
            continue


def _remove_own(target: Target) -> None:
    """Remove what only this rollout needed."""
    current = target.run.environment.current_release
    clean_up(target, frozenset(current.swarm_services.values()) if current else frozenset())
