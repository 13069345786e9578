"""What serves now: from the records and the engine, for the rollout and for the plan of one."""

from __future__ import annotations

from havre.adapters.swarm.engine import Engine
from havre.domain import naming
from havre.records.models import Environment


def serving(engine: Engine, environment: Environment) -> dict[str, tuple[str, str]]:
    """By service, the Swarm service that serves, and the fingerprint with which it was started.

    Only of services that a release brings, and that have a task that runs.

    Raises:
        EngineError: the engine does not answer.
    """
    current = environment.current_release
    if current is None:
        return {}
    snapshot = engine.environment(environment.project.name, environment.name)
    return {
        name: (swarm_name, service.label(naming.SPEC))
        for name, swarm_name in current.swarm_services.items()
        if (service := snapshot.get(swarm_name)) and service.running
    }
