"""The end of a job, which Swarm does not see to.

When the service of a job is removed, its containers stay, and one that runs goes on running (engine
20.10). Swarm does stop the tasks of a job's earlier run when the job is to run again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from docker.errors import NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine

_SERVICE_NAME: Final = "com.docker.swarm.service.name"


def stop(engine: Engine, name: str) -> None:
    """Tell the tasks of a job to stop, wherever they run; those of this node keep their log.

    Args:
        engine: a manager of the Swarm.
        name: the job's service.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    client = engine.api
    with explained(f"stopping {name}"):
        local = client.containers(filters={"label": f"{_SERVICE_NAME}={name}"})
        for container in local:
            settings = client.inspect_container(container["Id"])["Config"]
            with suppress(NotFound):
                client.kill(container["Id"], settings.get("StopSignal") or "SIGTERM")
        if not local:
            engine.update(name, _nowhere)


def _nowhere(spec: dict[str, Any]) -> dict[str, Any]:
    """A service's description with a constraint that no node meets: its tasks end, none starts."""
    template = spec["TaskTemplate"]
    return {**spec, "TaskTemplate": {**template, "Placement": {"Constraints": ["node.id == none"]}}}


def remove_containers(engine: Engine, name: str) -> None:
    """Remove what is left of a job's tasks on this node; one that still runs is killed.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    engine.remove_containers({_SERVICE_NAME: name})
