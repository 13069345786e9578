"""Processors, memory and numbers of tasks: ``deploy``, ``mem_limit``, ``cpus``, ``scale``."""

from __future__ import annotations

from typing import Any, Final

from havre.domain.compose.known import DEPLOY_KEYS
from havre.domain.compose.state import Service, State
from havre.domain.compose.tree import Node
from havre.domain.compose.words import cpus, size

KEYS: Final = frozenset({"deploy", "mem_limit", "mem_reservation", "cpus", "scale"})
_MOST_TASKS: Final = 100
_SHORT: Final = {
    "mem_limit": ("limits", "memory"),
    "mem_reservation": ("reservations", "memory"),
    "cpus": ("limits", "cpus"),
}


def convert_resources(state: State, service: Service) -> None:
    """Fill in ``resources`` and ``replicas``; a second call changes nothing."""
    ledger, node = state.ledger, service.node
    share: dict[str, dict[str, Any]] = {}
    _of_deploy(state, service, share)
    for key, place in _SHORT.items():
        short = node.get(key)
        if short is not None and not ledger.has(short):
            _amount(state, service, short, place, share)
    _within_limits(state, service, share)
    if share:
        service.body["resources"] = {key: share[key] for key in ("limits", "reservations") if key in share}
    if service.kind == "app":
        _of_tasks(state, service)


def _of_deploy(state: State, service: Service, share: dict[str, dict[str, Any]]) -> None:
    ledger, resources = state.ledger, service.node.get("deploy", "resources")
    for group, child in resources.map.items() if resources else ():
        for key, leaf in child.map.items():
            if ledger.has(leaf):
                continue
            if group in {"limits", "reservations"} and key in {"cpus", "memory"}:
                _amount(state, service, leaf, (group, key), share)
            else:
                ledger.dropped(leaf, "Havre limits processors and memory only")
        if not child.map and not ledger.has(child):
            ledger.dropped(child, "it says nothing")


def _of_tasks(state: State, service: Service) -> None:
    for count in (service.node.get("scale"), service.node.get("deploy", "replicas")):
        if count is not None and not state.ledger.has(count):
            _replicas(state, service, count)
    whole = service.node.get("deploy")
    for key, child in whole.map.items() if whole else ():
        if key in DEPLOY_KEYS and key != "labels":
            state.ledger.dropped(child, *DEPLOY_KEYS[key])


def _amount(
    state: State, service: Service, leaf: Node, place: tuple[str, str], share: dict[str, dict[str, Any]]
) -> None:
    group, key = place
    amount: Any = cpus(leaf.text) if key == "cpus" else size(leaf.text)
    target = f"{service.target}.resources.{group}.{key}"
    if amount is None:
        state.ledger.dropped(leaf, "it is no amount that Havre takes, or no limit at all")
    elif key in share.get(group, {}):
        state.ledger.changed(leaf, target, "it is said twice; what stands under deploy counts")
    else:
        share.setdefault(group, {})[key] = amount
        state.ledger.carried(leaf, target)


def _within_limits(state: State, service: Service, share: dict[str, dict[str, Any]]) -> None:
    limits, kept = share.get("limits", {}), share.get("reservations", {})
    for key in list(kept):
        most, wanted = limits.get(key), kept[key]
        is_more = most is not None and (_bytes(wanted) > _bytes(most) if key == "memory" else wanted > most)
        if is_more:
            kept[key] = most
            state.warnings.append(f"{service.name}: reserved more {key} than its limit, now as much as it")


def _bytes(text: str) -> int:
    """Bytes of a size as :func:`size` writes it."""
    return int(text[:-1]) * int(1024 ** "BKMG".index(text[-1]))


def _replicas(state: State, service: Service, leaf: Node) -> None:
    target = f"{service.target}.replicas"
    count = int(leaf.text) if leaf.text.isdigit() else 0
    if "replicas" in service.body:
        state.ledger.changed(leaf, target, "it is said twice")
    elif 1 <= count <= _MOST_TASKS:
        service.body["replicas"] = count
        state.ledger.carried(leaf, target)
    else:
        state.ledger.changed(leaf, target, f"a service has 1 to {_MOST_TASKS} tasks")
