"""Plans: what would change if a commit were deployed, as values that can be shown, saved, compared.

What is recorded and what is wanted are two pictures of the same form (:class:`Picture`); what the
engine has is said beside them. Which services start anew is decided by
:func:`havre.domain.rollout.replacements`, for the plan as for the rollout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from havre.domain.drift import Drift, State, redone
from havre.domain.fields import Field, differences
from havre.domain.rollout import replacements

FORMAT: Final = 1
"""Version of the form in which plans are saved."""


class Action(StrEnum):
    """What becomes of something."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NONE = "none"


class Kind(StrEnum):
    """What something is."""

    ENVIRONMENT = "environment"
    NETWORK = "network"
    SECRET = "secret"  # noqa: S105 - a word
    VOLUME = "volume"
    DATABASE = "database"
    SERVICE = "service"
    ROUTE = "route"


@dataclass(frozen=True)
class Change:
    """What becomes of one thing.

    Attributes:
        action: what is done.
        kind: what it is.
        name: as people know it.
        fields: what differs.
        interrupts: whether requests or connections fail meanwhile.
        destructive: whether something goes that a later plan does not bring back as it was.
        reason: why, or what it means, in a few words.
    """

    action: Action
    kind: Kind
    name: str
    fields: tuple[Field, ...] = ()
    interrupts: bool = False
    destructive: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """A service, database or route as a plan sees it.

    Attributes:
        name: as people know it.
        kind: what it is.
        facts: what is shown and compared; values of secrets as their versions.
        fingerprint: what a running task would notice of it; empty for routes.
        stops_first: whether its tasks cannot run beside their successors.
    """

    name: str
    kind: Kind
    facts: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    stops_first: bool = False


@dataclass(frozen=True)
class Picture:
    """An environment as it is recorded, or wanted.

    Attributes:
        name: of the environment.
        parts: databases, services and routes.
        settings: facts of the environment itself, such as its commit.
        things: networks, volumes and secrets by kind.
    """

    name: str = ""
    parts: tuple[Part, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    things: frozenset[tuple[Kind, str]] = frozenset()

    def of(self, *kinds: Kind) -> dict[str, Part]:
        """Its parts of these kinds, by name."""
        return {part.name: part for part in self.parts if part.kind in kinds}


@dataclass(frozen=True)
class Running:
    """What the engine has.

    Attributes:
        fingerprints: by service or database, the fingerprint with which it was started; only of those
            that run.
        things: networks, volumes and secrets that are there.
        drift: what somebody changed by hand.
    """

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    things: frozenset[tuple[Kind, str]] = frozenset()
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The ordered differences between what is wanted and what runs."""

    changes: tuple[Change, ...] = ()
    drift: tuple[Drift, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.changes)

    @property
    def dangers(self) -> tuple[Change, ...]:
        """The changes that interrupt or destroy, for which a protected environment asks."""
        return tuple(change for change in self.changes if change.interrupts or change.destructive)

    def as_data(self) -> dict[str, Any]:
        """The plan as plain data; :func:`from_data` is its inverse."""
        return {
            "changes": [_change_data(change) for change in self.changes],
            "drift": [drift.as_data() for drift in self.drift],
        }


def from_data(data: Mapping[str, Any]) -> Plan:
    """A plan from its plain data.

    Raises:
        ValueError, KeyError, TypeError: it is not one.
    """
    return Plan(
        changes=tuple(
            Change(
                Action(change["action"]),
                Kind(change["kind"]),
                str(change["name"]),
                tuple(Field.from_data(each) for each in change["fields"]),
                bool(change["interrupts"]),
                bool(change["destructive"]),
                str(change["reason"]),
            )
            for change in data["changes"]
        ),
        drift=tuple(Drift.from_data(each) for each in data["drift"]),
    )


def _change_data(change: Change) -> dict[str, Any]:
    return {
        "action": str(change.action),
        "kind": str(change.kind),
        "name": change.name,
        "fields": [each.as_data() for each in change.fields],
        "interrupts": change.interrupts,
        "destructive": change.destructive,
        "reason": change.reason,
    }


def plan(before: Picture, after: Picture, running: Running) -> Plan:
    """What would be done, in the order in which a deployment does it; deletions come last.

    Args:
        before: as recorded by the live release; empty if there is none.
        after: as the commit wants it.
        running: what the engine has.
    """
    drifted = {(drift.kind, drift.name): drift for drift in running.drift}
    changes = [
        _settings(before, after),
        *(
            Change(Action.CREATE, kind, name)
            for kind, name in sorted(after.things - running.things, key=_order_of_thing)
        ),
        *_services(before, after, running, drifted),
        *_routes(before, after, drifted),
        *_deletions(before, after),
    ]
    return Plan(tuple(change for change in changes if change.action is not Action.NONE), running.drift)


def _order_of_thing(thing: tuple[Kind, str]) -> tuple[int, str]:
    return list(Kind).index(thing[0]), thing[1]


def _settings(before: Picture, after: Picture) -> Change:
    fields = differences(before.settings, after.settings)
    action = Action.UPDATE if fields else Action.NONE
    if not before.parts and not before.settings:
        action = Action.CREATE
    return Change(action, Kind.ENVIRONMENT, after.name, fields)


def _services(
    before: Picture, after: Picture, running: Running, drifted: Mapping[tuple[str, str], Drift]
) -> Iterable[Change]:
    known = before.of(Kind.SERVICE, Kind.DATABASE)
    wanted = after.of(Kind.DATABASE) | after.of(Kind.SERVICE)
    anew = {
        item.service
        for item in replacements(
            {name: (name, part.fingerprint) for name, part in wanted.items()},
            {name: (name, fingerprint) for name, fingerprint in running.fingerprints.items()},
            force=redone(running.drift),
        )
        if item.is_new
    }
    for name, part in wanted.items():
        drift = drifted.get((str(part.kind), name))
        yield _service(known.get(name), part, drift, is_anew=name in anew, runs=name in running.fingerprints)


def _service(before: Part | None, part: Part, drift: Drift | None, *, is_anew: bool, runs: bool) -> Change:
    by_hand = tuple(Field(f.path, f.after, f.before) for f in drift.fields) if drift else ()
    fields = differences(before.facts if before else {}, part.facts)
    lost = [f for f in fields if f.path.startswith("volumes.") and f.before and f.before != f.after]
    shown = {each.path for each in fields}
    fields += tuple(each for each in by_hand if each.path not in shown)
    change = Change(Action.NONE, part.kind, part.name, fields)
    if not runs:
        is_gone = drift is not None and drift.state is State.MISSING
        stopped = before is not None and not is_gone
        return replace(
            change,
            action=Action.REPLACE if stopped else Action.CREATE,
            reason="it is missing in the engine" if is_gone else "none of its tasks runs" if stopped else "",
        )
    if before and before.kind is not part.kind:
        return replace(
            change, action=Action.REPLACE, interrupts=True, destructive=True, reason=f"it was a {before.kind}"
        )
    reason = "it was changed by hand" if drift else ""
    if not is_anew:
        return replace(change, action=Action.UPDATE if fields else Action.NONE, reason=reason)
    if not fields and not drift:
        reason = "this server's settings or Havre itself changed"
    if lost:
        reason = "it leaves its volume, which is kept"
    if part.kind is Kind.DATABASE:
        return replace(
            change,
            action=Action.UPDATE,
            interrupts=True,
            destructive=bool(lost),
            reason=reason or "it restarts in place",
        )
    return replace(
        change,
        action=Action.REPLACE,
        interrupts=part.stops_first,
        destructive=bool(lost),
        reason=reason or ("it stops before the new one starts" if part.stops_first else ""),
    )


def _routes(before: Picture, after: Picture, drifted: Mapping[tuple[str, str], Drift]) -> Iterable[Change]:
    known = before.of(Kind.ROUTE)
    for name, part in after.of(Kind.ROUTE).items():
        fields = differences(known[name].facts if name in known else {}, part.facts)
        drift = drifted.get((Kind.ROUTE, name))
        if name not in known:
            yield Change(Action.CREATE, Kind.ROUTE, name, fields)
        elif drift is not None:
            yield Change(
                Action.CREATE if drift.state is State.MISSING else Action.UPDATE,
                Kind.ROUTE,
                name,
                fields,
                reason="its file was changed by hand",
            )
        elif fields:
            yield Change(Action.UPDATE, Kind.ROUTE, name, fields)


def _deletions(before: Picture, after: Picture) -> Iterable[Change]:
    stays = {(part.kind is Kind.ROUTE, part.name) for part in after.parts}
    for kind in (Kind.ROUTE, Kind.SERVICE, Kind.DATABASE):
        for name, part in before.of(kind).items():
            if (kind is Kind.ROUTE, name) not in stays:
                yield Change(
                    Action.DELETE,
                    kind,
                    name,
                    differences(part.facts, {}),
                    interrupts=True,
                    destructive=kind is not Kind.ROUTE,
                    reason=_GONE[kind],
                )


_GONE: Final[Mapping[Kind, str]] = {
    Kind.ROUTE: "nothing answers there any more",
    Kind.SERVICE: "it is not in havre.yaml any more",
    Kind.DATABASE: "it is not in havre.yaml any more; its volume is kept",
}


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is not as it was when a plan was made, in words.

    Args:
        before: the basis that the plan names: facts about the state it was made from.
        now: the same facts now.
    """
    return [_moved(each) for each in differences(before, now)]


def _moved(field: Field) -> str:
    then, now = field.shown()
    if then == now:
        return f"{field.path} has another value now"
    return f"{field.path} was {then or 'not there'} when it was planned, and is {now or 'gone'} now"
