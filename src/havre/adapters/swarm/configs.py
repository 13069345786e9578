"""Configurations of the Swarm: files that every node can hand to a task.

They cannot be changed, only made and removed, so a name tells its content apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker

from havre.adapters.swarm.calls import explained, while_busy

if TYPE_CHECKING:
    from havre.adapters.swarm.engine import Engine


def config_id(api: docker.APIClient, name: str) -> str | None:
    """The engine's id of a configuration, None if it is not there."""
    found = api.configs(filters={"name": name})
    return next((config["ID"] for config in found if config["Spec"]["Name"] == name), None)


def ensure_config(engine: Engine, name: str, content: str, labels: dict[str, str]) -> None:
    """Hand a file to the Swarm unless one of that name is there.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    with explained(f"storing the configuration {name}"):
        if not config_id(engine.api, name):
            engine.api.create_config(name, content.encode(), labels=labels)


def configs(engine: Engine, labels: dict[str, str]) -> list[str]:
    """Names of the Swarm's configurations that have these labels.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    with explained("listing configurations"):
        found = engine.api.configs(filters={"label": [f"{key}={value}" for key, value in labels.items()]})
    return sorted(config["Spec"]["Name"] for config in found)


def remove_config(engine: Engine, name: str) -> None:
    """Remove a configuration if it is there, waiting for the last task's end to be noticed.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    with explained(f"removing the configuration {name}"):
        found = config_id(engine.api, name)
        if found:
            for attempt in while_busy():
                with attempt:
                    engine.api.remove_config(found)
