"""Overlay networks: which there are, who is in one, and their removal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from docker.errors import APIError, NotFound

from havre.adapters.swarm.calls import explained, is_busy, while_busy
from havre.adapters.swarm.engine import Engine
from havre.domain.overlay import Holder, Overlay, in_use

_NUMBERS: Final = "com.docker.network.driver.overlay.vxlanid_list"
_LISTED: Final = 10.0  # seconds for which a network that was removed may be listed
_LOOK: Final = 0.05  # seconds
_TASK: Final = "com.docker.swarm.task.id"


def overlays(engine: Engine) -> tuple[Overlay, ...]:
    """The overlay networks with their ranges.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    with explained("listing networks"):
        found = engine.api.networks(filters={"driver": "overlay"})
    return tuple(_overlay(network) for network in found)


def _overlay(network: dict[str, Any]) -> Overlay:
    ranges = [str(pool.get("Subnet", "")) for pool in (network.get("IPAM") or {}).get("Config") or ()]
    numbers = str((network.get("Options") or {}).get(_NUMBERS, "")).split(",")
    known = [int(number) for number in numbers if number.strip().isdigit()]
    return Overlay(network["Name"], tuple(zip(ranges, known, strict=False)))


def remove(engine: Engine, name: str) -> None:
    """Remove a network, waiting for the last task's end to be noticed; one that is gone is fine.

    The engine lists it until each task that was in it is removed, and would take it for a new one of its
    name; so that is waited for too, but not for ever.

    Raises:
        EngineError: something is in it that does not end by itself, which is said at once; or the engine
            refuses or does not answer.
    """
    with explained(f"removing the network {name}"):
        found = engine.network_id(name)
        if found is None:
            return
        try:
            for attempt in while_busy():
                with attempt:
                    _remove_once(engine, name, found)
        except APIError as error:
            if is_busy(error):
                raise in_use(name, tuple(holders(engine, name))) from error
            raise
        end = time.monotonic() + _LISTED
        while engine.network_id(name) is not None and time.monotonic() < end:
            time.sleep(_LOOK)


def _remove_once(engine: Engine, name: str, number: str) -> None:
    try:
        engine.api.remove_network(number)
    except NotFound:
        return
    except APIError as error:
        inside = tuple(holders(engine, name)) if is_busy(error) else ()
        if any(not holder.is_leaving for holder in inside):
            raise in_use(name, inside) from error
        raise


def holders(engine: Engine, name: str) -> Iterator[Holder]:
    """Who is in a network: services of the Swarm, and this node's containers.

    Raises:
        EngineError: the engine refuses or does not answer.
    """
    with explained(f"looking who uses the network {name}"):
        ids = {net["Id"] for net in engine.api.networks(filters={"name": name}) if net["Name"] == name}
        services = engine.api.services() if ids else []
        containers = engine.api.containers(all=True, filters={"network": name}) if ids else []
    for service in services:
        spec = service["Spec"]
        attached = [*(spec["TaskTemplate"].get("Networks") or ()), *(spec.get("Networks") or ())]
        if any(network["Target"] in ids for network in attached):
            yield Holder("service", spec["Name"])
    for container in containers:
        is_task = _TASK in (container.get("Labels") or {})
        yield Holder("container", (container.get("Names") or [container["Id"][:12]])[0].lstrip("/"), is_task)
