"""Major versions of PostgreSQL: which one a database has, and what is in the way of a later one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from havre.errors import UsageError

VERSIONS: Final = (15, 17)
"""Those that Havre runs, the oldest first: of the present release of Debian, and of the one before."""
NEWEST: Final = VERSIONS[-1]
_ROOM: Final = 200_000_000  # bytes, beside a tenth of the database
_TOLD: Final = re.compile(r".*(?:ERROR|FATAL): +(.+)|.*?(?:error|fatal): +(.+)")

FACTS: Final = """
SELECT json_build_object(
  'size', (SELECT sum(pg_database_size(oid)) FROM pg_database),
  'databases', (SELECT json_agg(datname ORDER BY datname) FROM pg_database
                WHERE datallowconn AND datname NOT IN ('template0', 'template1', 'postgres')),
  'prepared', (SELECT count(*) FROM pg_prepared_xacts),
  'tablespaces', (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
  'slots', (SELECT count(*) FROM pg_replication_slots WHERE NOT temporary AND slot_type = 'logical'),
  'subscriptions', (SELECT count(*) FROM pg_subscription))
"""
"""Asks a server for what :func:`obstacles` looks at."""


def settled(name: str, wanted: int | None, present: int | None) -> int:
    """The version that a deployment runs a database with.

    Args:
        name: the service.
        wanted: as the manifest says; None where it says nothing.
        present: of its data; None where there is none yet.

    Raises:
        UsageError: they differ: data change their version by an operation of its own, and only forward.
    """
    if present is None:
        return wanted or NEWEST
    if wanted in {None, present}:
        return present
    if wanted < present:
        raise UsageError(
            f"{name} is PostgreSQL {present}, and havre.yaml asks for {wanted}: there is no way back",
            hint=f"write version: {present}, or leave the line out",
        )
    raise UsageError(
        f"{name} is PostgreSQL {present}, and havre.yaml asks for {wanted}",
        hint=f"upgrade its data first: havre db upgrade --service {name}; then deploy",
    )


def target(name: str, present: int, wanted: int | None) -> int:
    """The version that an upgrade takes a database to: the one that is asked for, else the newest.

    Raises:
        UsageError: it has it already, or a later one; or there is no such version.
    """
    chosen = wanted or NEWEST
    if chosen not in VERSIONS:
        raise UsageError(
            f"Havre runs no PostgreSQL {chosen}", hint=f"it runs {', '.join(map(str, VERSIONS))}"
        )
    if chosen == present:
        raise UsageError(f"{name} is PostgreSQL {present} already")
    if chosen < present:
        raise UsageError(
            f"{name} is PostgreSQL {present}: there is no way back to {chosen}",
            hint="a database with the rows of before: havre restore --as NAME",
        )
    return chosen


@dataclass(frozen=True)
class UpgradePlan:
    """What an upgrade will do.

    Attributes:
        service: the database.
        before: its major version.
        after: the one that it gets.
        size: bytes of its data.
        databases: all of its server, which go along.
        notes: what somebody has to look after.
        is_saved: whether a backup is made first.
    """

    service: str
    before: int
    after: int
    size: int
    databases: tuple[str, ...]
    notes: tuple[str, ...] = ()
    is_saved: bool = True

    @property
    def steps(self) -> tuple[str, ...]:
        """In sentences."""
        goes_along = ", ".join(self.databases)
        saved = "make a restore point and a backup" if self.is_saved else "make no backup, for it has none"
        return (
            f"{saved}; the application goes on",
            f"try everything but the rows in PostgreSQL {self.after}; the application goes on",
            f"stop the application, take {self.size / 1e6:.0f} MB over into a new cluster ({goes_along})",
            "count the rows of each table in both, and let the two change places",
            "start the database and the application, and ask it",
            "keep the replaced data until `havre db upgrade --confirm`; make a backup",
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "service": self.service,
            "before": self.before,
            "after": self.after,
            "size": self.size,
            "databases": list(self.databases),
            "notes": list(self.notes),
            "is_saved": self.is_saved,
            "steps": list(self.steps),
        }


def plan(
    service: str, before: int, after: int, facts: Mapping[str, Any], *, free: int, is_saved: bool
) -> UpgradePlan:
    """Decide whether a database can be upgraded.

    Args:
        service: its name.
        before: its version.
        after: the wanted one.
        facts: what it answered to :data:`FACTS`.
        free: bytes that are free on its disk.
        is_saved: whether it has backups.

    Raises:
        UsageError: something of it would be lost, or there is no room.
    """
    for key, what, remedy in (
        ("prepared", "prepared transactions", "commit or roll them back (pg_prepared_xacts)"),
        ("tablespaces", "tablespaces of its own", "move what is in them to pg_default, and drop them"),
    ):
        if facts[key]:
            raise UsageError(f"{service} has {facts[key]} {what}, which cannot be taken along", hint=remedy)
    size = int(facts["size"])
    needed = 2 * (size + size // 10) + _ROOM  # the new cluster, and the dump of its largest database
    if free < needed:
        raise UsageError(
            f"the upgrade needs {needed / 1e9:.1f} GB beside the present data, {free / 1e9:.1f} GB of its"
            " disk are free",
            hint="make room: `havre restore --confirm` removes what an earlier restore replaced, `havre"
            " images prune` old images",
        )
    notes = []
    if facts["slots"]:
        notes.append("logical replication slots are not taken along: make them anew after the upgrade")
    if facts["subscriptions"]:
        notes.append("subscriptions are taken along disabled: enable them after the upgrade")
    return UpgradePlan(service, before, after, size, tuple(facts["databases"] or ()), tuple(notes), is_saved)


def cause(lines: Sequence[str]) -> str:
    """Why a step of an upgrade failed: the first error that PostgreSQL's programs wrote."""
    for line in lines:
        found = _TOLD.search(line)
        if found:
            return (found[1] or found[2]).strip()
    return lines[-1].strip() if lines else "it wrote nothing"
