"""Which ceiling builds have on this server, and where it is set. The checkup asks it too: no database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from havre.adapters.cgroups import place as places
from havre.adapters.host import machine
from havre.config import Config
from havre.domain import ceiling


def chosen_ceiling(config: Config) -> ceiling.Ceiling:
    """The ceiling of builds on this server, by its settings."""
    return ceiling.chosen(
        cpus=config.build_cpus,
        memory=config.build_memory,
        cores=machine.cores(),
        total=machine.memory().total,
    )


def find_place(config: Config, info: Mapping[str, Any]) -> places.Place:
    """The control groups in which the engine runs builds; ``info`` is its description of itself.

    Raises:
        EngineError: the engine does not answer, or its groups cannot be found from here.
    """
    return places.find(
        config.docker_host,
        driver=str(info.get("CgroupDriver", "")),
        version=int(info.get("CgroupVersion") or 1),
    )
