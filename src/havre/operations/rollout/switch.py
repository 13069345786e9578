"""Switch the traffic, prove it from outside, let what served before finish, see it converge."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from havre.domain import rollout
from havre.errors import RolloutError
from havre.operations.domains import refuse_taken
from havre.operations.rollout.gate import watch
from havre.operations.rollout.target import Target
from havre.operations.routing import routed_services
from havre.records import queries

_POLL: Final = 0.05  # seconds
_PROOF_PATIENCE: Final = 15.0
_STOP_SLACK: Final = 10.0


def switch(target: Target) -> str:
    """Make the release the live one, then write the route: one file, renamed into place."""
    run, release = target.run, target.release
    replaced = run.environment.current_release
    if replaced and replaced.pk != release.pk:
        run.remember(replaces=replaced.number)
    run.remember(release=release.number)
    with transaction.atomic():
        # Claimed and taken at once: of two deployments that want one domain, the second sees the first.
        refuse_taken(run.platform.config, run.environment, target.composition.spec)
        queries.go_live(release)
    run.environment.refresh_from_db()
    target.routing.publish(run.environment)
    return f"release {release.number} takes the traffic"


def prove(target: Target) -> str:
    """Ask each public route until the new release answers it."""
    asked = []
    for routed in routed_services(target.run.environment, target.release):
        for rule in routed.rules:
            path = routed.health.path if rule.paths == ("/",) else rule.paths[0]
            _prove_route(target, rule.host, path, https=rule.https)
            asked.append(rule.host)
    return ", ".join(asked) or "no public route"


def _prove_route(target: Target, host: str, path: str, *, https: bool) -> None:
    router = target.routing.connect()
    answer = None
    for _ in target.run.wait(every=_POLL, at_most=_PROOF_PATIENCE):
        answer = router.ask_public(host, path, https=https, timeout=5.0)
        if answer.release == target.release.number and answer.is_good:
            return
    raise RolloutError(
        f"{host}{path} is not answered by release {target.release.number}: {answer}",
        hint="the old release serves again; `havre logs` shows what the new one said",
    )


def drain(target: Target) -> str:
    """Let what served before finish its requests, and watch the new release meanwhile."""
    serving = frozenset(target.release.swarm_services.values())
    old = target.idle(serving)
    if not old:
        return "nothing was replaced"
    target.run.environment.refresh_from_db()
    patience = max((float(service.drain) for service in target.old_and_new()), default=0.0)
    if not any(service.running for service in old):
        patience = 0.0
    known = {task.id for tasks in target.tasks(serving).values() for task in tasks if not task.is_running}
    for _ in target.run.wait(every=0.2, at_most=patience):
        watch(target, known)
    clean_up(target, serving)
    kept = target.kept()
    return f"kept for a rollback: {', '.join(s.name for s in old if s.name in kept) or 'nothing'}"


def clean_up(target: Target, serving: frozenset[str]) -> None:
    """Stop what a rollback may return to, and remove the rest of what does not serve."""
    cleanup = rollout.cleanup(target.idle(serving), serving=serving, kept=target.kept())
    for name in cleanup.stop:
        target.engine.scale(name, 0)
    for name in cleanup.remove:
        target.engine.remove_service(name)


def converge(target: Target) -> str:
    """Report success only when the engine runs just what the release wants."""
    run = target.run
    patience = _STOP_SLACK + max((float(s.stop_grace) for s in target.old_and_new()), default=0.0)
    for _ in run.wait(every=0.2, at_most=patience):
        snapshot = target.engine.environment(run.project, run.environment.name)
        services = [s for s in snapshot.of(run.project, run.environment.name) if not s.is_job]
        if all(service.has_converged for service in services):
            target.routing.forget(t.id for s in services for t in s.tasks)
            return f"{sum(len(s.running) for s in services)} tasks run"
    pending = [service.name for service in services if not service.has_converged]
    raise RolloutError(
        f"the engine has not converged: {', '.join(pending)}", hint="`havre ps` shows what it waits for"
    )
