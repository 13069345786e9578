"""Links of overlay networks that an engine left behind: whether one is why a task did not start."""

from __future__ import annotations

from havre.adapters.host import machine
from havre.adapters.swarm import networks
from havre.adapters.swarm.engine import Engine
from havre.domain import overlay
from havre.domain.overlay import StaleLink
from havre.errors import HavreError


def why_stuck(engine: Engine, error: str) -> StaleLink | None:
    """What a task's error says of such a link; None if that is not its cause. Asks the engine only then.

    Args:
        engine: the engine.
        error: the engine's words about a task.
    """
    found = overlay.stale_link(error, (), ())
    if found is None:
        return None
    try:
        known = networks.overlays(engine)
    except HavreError:
        return found
    return overlay.stale_link(error, known, machine.links())
