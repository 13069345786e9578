"""From the API's answers to the values of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from havre.domain.continuity.report import Copies, Drilled, Event, Protected, Report

KINDS: Final = frozenset({"backup", "verify", "restore", "confirm", "drill", "rollback", "upgrade"})
"""Operations that the report names."""


def protected(environment: str, saved: Mapping[str, Any]) -> list[Protected]:
    """The databases of an environment, from the answer about its backups."""
    return [
        Protected(
            environment=environment,
            service=str(each["service"]),
            copies=tuple(_copies(each, saved["backups"])),
            at_risk=each.get("at_risk_seconds"),
            objective_rpo=float(each.get("objective_rpo") or 3600.0),
            problem=str(each["problem"]),
        )
        for each in saved["databases"]
    ]


def _copies(database: Mapping[str, Any], backups: Sequence[Mapping[str, Any]]) -> Iterable[Copies]:
    for place in database["repositories"]:
        where = str(place["repository"])
        made = [
            each for each in backups if (each["service"], each["repository"]) == (database["service"], where)
        ]
        stopped = sorted(datetime.fromisoformat(each["stopped_at"]) for each in made)
        read = sorted(datetime.fromisoformat(e["verified_at"]) for e in made if e["verified_at"])
        bad = [str(each["problem"]) for each in made if each["problem"]]
        yield Copies(
            where=where,
            count=len(made),
            newest=stopped[-1] if stopped else None,
            oldest=stopped[0] if stopped else None,
            verified=read[-1] if read else None,
            problem=str(place["problem"]) or (bad[0] if bad else ""),
        )


def drilled(environment: str, rows: Iterable[Mapping[str, Any]]) -> list[Drilled]:
    """The drills of an environment."""
    return [
        Drilled(
            at=datetime.fromisoformat(each["started_at"]),
            environment=environment,
            repository=str(each["repository"]),
            is_good=bool(each["is_good"]),
            rto=each["rto"],
            rpo=each["rpo"],
            objective_rto=float(each["objective_rto"]),
            objective_rpo=float(each["objective_rpo"]),
            rows=_rows(each["data"]),
            checks=len(each["data"].get("checks") or ()),
            problem=str(each["problem"]),
        )
        for each in rows
    ]


def _rows(data: Mapping[str, Any]) -> int | None:
    compared = [each.get("comparison") for each in (data.get("databases") or {}).values()]
    return sum(int(each["rows"]) for each in compared if each) if any(compared) else None


def events(rows: Iterable[Mapping[str, Any]]) -> list[Event]:
    """What was done, of the kinds that count here."""
    return [
        Event(
            at=datetime.fromisoformat(each["created_at"]),
            actor=str(each["actor"]),
            kind=str(each["kind"]),
            place=str(each["target"]),
            state=str(each["state"]),
        )
        for each in rows
        if each["kind"] in KINDS and not (each.get("params") or {}).get("dry_run")
    ]


def report(
    *,
    server: str,
    made_at: datetime,
    storage: Mapping[str, Any] | None,
    environments: Mapping[str, tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]],
    operations: Iterable[Mapping[str, Any]],
) -> Report:
    """All of it.

    Args:
        server: its name.
        made_at: now.
        storage: the off-site storage, if there is one.
        environments: what is saved of each, and its drills, by name.
        operations: of all of them.
    """
    return Report(
        server=server,
        made_at=made_at,
        storage=f"{storage['endpoint']}/{storage['bucket']}" if storage else "",
        databases=tuple(each for name, (saved, _) in environments.items() for each in protected(name, saved)),
        drills=tuple(each for name, (_, rows) in environments.items() for each in drilled(name, rows)),
        kit_stored=bool(storage["kit_stored"]) if storage else True,
        events=tuple(sorted(events(operations), key=lambda event: event.at, reverse=True)),
    )
