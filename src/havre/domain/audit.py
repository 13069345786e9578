"""Orphans: what Havre made, in the engine or on disk, and nothing needs any more.

Pure: it compares things that were found with what the records know, and reads nothing itself. A kind
of thing that Havre learns to make later needs three lines: its name in :class:`Kind`, its rule in
``_RULES``, and somebody who finds and removes it (:mod:`havre.operations.audit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from havre.domain import naming
from havre.domain.doctor import Level, Verdict


class Kind(StrEnum):
    """What a thing is; the order is the one in which orphans are removed."""

    ROUTE = "route"
    JOB = "job"
    SERVICE = "service"
    CONTAINER = "container"
    SECRET = "secret"  # noqa: S105 - a kind of thing
    CONFIG = "config"
    NETWORK = "network"
    VOLUME = "volume"
    FOLDER = "folder"
    DRAFT = "draft"


HOLD_DATA: Final = frozenset({Kind.VOLUME})
"""Kinds that may hold what cannot be made again; they are named, and never removed by Havre."""


@dataclass(frozen=True)
class Thing:
    """Something that carries Havre's mark.

    ``environment`` is ``PROJECT-ENVIRONMENT``, empty for what belongs to the server itself;
    ``operation`` is the number of the operation that made it, where that is known; ``running`` counts
    the tasks that a service is meant to have.
    """

    kind: Kind
    name: str
    environment: str = ""
    operation: int | None = None
    running: int = 0


@dataclass(frozen=True)
class Owner:
    """What one environment of the records needs.

    ``needed`` holds names by kind: those of the live release and of the releases that a rollback may
    return to; ``serving`` the Swarm services of the live one.
    """

    name: str
    is_live: bool
    needed: Mapping[Kind, frozenset[str]] = field(default_factory=dict)
    serving: frozenset[str] = frozenset()

    def needs(self, thing: Thing) -> bool:
        """Whether a thing is named by a release that is live or kept."""
        return thing.name in self.needed.get(thing.kind, frozenset())


@dataclass(frozen=True)
class Records:
    """What the records know.

    Args:
        owners: the environments.
        busy: environments in which an operation waits, runs, or ended while things were looked for;
            whatever is theirs is left alone.
        operations: the operations that wait or run.
    """

    owners: tuple[Owner, ...] = ()
    busy: frozenset[str] = frozenset()
    operations: frozenset[int] = frozenset()

    def owner(self, name: str) -> Owner | None:
        """The environment of that name."""
        return next((owner for owner in self.owners if owner.name == name), None)


@dataclass(frozen=True)
class Orphan:
    """A thing that nothing needs, and why that is so.

    ``stop``: it is needed, but should not run; cleaning stops it.
    """

    thing: Thing
    why: str
    stop: bool = False

    @property
    def holds_data(self) -> bool:
        """Whether removing it may lose what cannot be made again: then a person has to do it.

        What an operation had for itself was made of what is saved.
        """
        return self.thing.kind in HOLD_DATA and self.thing.operation is None

    def shown(self) -> dict[str, object]:
        """As JSON for programs; ``cleaning`` is ``remove``, ``stop`` or ``by hand``."""
        return {
            "kind": self.thing.kind.value,
            "name": self.thing.name,
            "environment": self.thing.environment,
            "why": self.why,
            "cleaning": "by hand" if self.holds_data else "stop" if self.stop else "remove",
        }


@dataclass(frozen=True)
class Cleaned:
    """What cleaning took away, and what it left, each with the reason."""

    removed: tuple[Orphan, ...]
    left: tuple[tuple[Orphan, str], ...]


def orphans(things: Iterable[Thing], records: Records) -> tuple[Orphan, ...]:
    """The things that nothing needs, in the order in which they can be removed.

    What an operation that waits or runs owns is never among them.
    """
    found = []
    for thing in things:
        if thing.environment in records.busy or thing.operation in records.operations:
            continue
        orphan = _RULES[thing.kind](thing, records)
        if orphan is not None:
            found.append(orphan)
    order = list(Kind)
    return tuple(sorted(found, key=lambda orphan: (order.index(orphan.thing.kind), orphan.thing.name)))


_MOST_NAMED: Final = 5


def verdict(found: Sequence[Orphan]) -> Verdict:
    """What ``havre doctor`` says about orphans."""
    name = "Orphans"
    if not found:
        return Verdict(name, Level.OK, "none: all that Havre made is in use")
    named = [f"{orphan.thing.kind} {orphan.thing.name} ({orphan.why})" for orphan in found[:_MOST_NAMED]]
    more = [f"{len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
    by_hand = all(orphan.holds_data for orphan in found)
    return Verdict(
        name,
        Level.WARNING,
        "; ".join(named + more),
        "look into them, then: docker volume rm NAME" if by_hand else "havre doctor --clean",
        tuple(orphan.shown() for orphan in found),
    )


def _of_environment(thing: Thing, records: Records) -> Orphan | None:
    """What an environment owns: needed by its live release, or by one it may return to."""
    owner = records.owner(thing.environment)
    if owner is None:
        return Orphan(thing, f"there is no environment {thing.environment}")
    if owner.needs(thing):
        is_idle = thing.kind is Kind.SERVICE and thing.running and thing.name not in owner.serving
        return Orphan(thing, "it runs beside the release that serves", stop=True) if is_idle else None
    if not owner.is_live:
        return Orphan(thing, f"nothing is deployed in {thing.environment}")
    return Orphan(thing, "no release that serves or is kept for a rollback needs it")


def _service(thing: Thing, records: Records) -> Orphan | None:
    return None if thing.name == naming.ROUTER_SERVICE else _of_environment(thing, records)


def _network(thing: Thing, records: Records) -> Orphan | None:
    if thing.name == naming.EDGE_NETWORK:
        return None
    if thing.operation is not None:
        return _of_operation(thing, records)
    owner = records.owner(thing.environment)
    return None if owner and owner.is_live else _of_environment(thing, records)


def _volume(thing: Thing, records: Records) -> Orphan | None:
    """Without a release the volumes were kept on purpose: destroying keeps them unless told otherwise."""
    if thing.operation is not None:
        return _of_operation(thing, records)
    owner = records.owner(thing.environment)
    return None if owner and not owner.is_live else _of_environment(thing, records)


def _of_operation(thing: Thing, _records: Records) -> Orphan | None:
    """What lives as long as an operation; those under way were left out before."""
    whose = "its operation is over" if thing.operation is not None else "no operation under way uses it"
    return Orphan(thing, whose)


def _folder(thing: Thing, records: Records) -> Orphan | None:
    """Scratch folders do not say whose they are: any operation under way may use them."""
    if thing.operation is None and records.operations:
        return None
    return _of_operation(thing, records)


_RULES: Final[Mapping[Kind, Callable[[Thing, Records], Orphan | None]]] = {
    Kind.ROUTE: _of_environment,
    Kind.JOB: _of_operation,
    Kind.SERVICE: _service,
    Kind.CONTAINER: _of_operation,
    Kind.SECRET: _of_environment,
    Kind.CONFIG: _of_environment,
    Kind.NETWORK: _network,
    Kind.VOLUME: _volume,
    Kind.FOLDER: _folder,
    Kind.DRAFT: _of_operation,
}
