"""What a return to a restore point would lose: rows written since, and how long ago that was.

PostgreSQL counts what is inserted, changed and deleted per table (``pg_stat_user_tables``). A restore point
keeps these counters; what they have grown by was written since. After a crash or a restore PostgreSQL
counts from nothing, so what it counts then is only the least that can be said. Sessions report their counts
within ten seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

STATEMENT: Final = """
SELECT json_build_object(
  'since', (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
  'tables', (SELECT coalesce(json_object_agg(format('%I.%I', schemaname, relname),
                                             json_build_array(n_tup_ins, n_tup_upd, n_tup_del)), '{}')
             FROM pg_stat_user_tables))
"""
"""Asks for the counters, in the database itself."""


@dataclass(frozen=True)
class Counters:
    """Rows written per table (inserted, changed, deleted), counted since a moment."""

    since: str
    tables: Mapping[str, tuple[int, int, int]]

    @staticmethod
    def read(data: Mapping[str, Any]) -> Counters:
        """From what :data:`STATEMENT` gives, or from what was stored."""
        tables = {name: (int(i), int(u), int(d)) for name, (i, u, d) in (data.get("tables") or {}).items()}
        return Counters(str(data.get("since") or ""), tables)

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"since": self.since, "tables": {name: list(counts) for name, counts in self.tables.items()}}


@dataclass(frozen=True)
class Loss:
    """Rows of one table that were written after the restore point."""

    table: str
    inserted: int
    changed: int
    deleted: int

    def __str__(self) -> str:
        named = {"inserted": self.inserted, "changed": self.changed, "deleted": self.deleted}
        return f"{self.table}: {', '.join(f'{count} {word}' for word, count in named.items() if count)}"


@dataclass(frozen=True)
class Losses:
    """What would be lost.

    Attributes:
        point: the moment that is returned to.
        now: the moment at which it was counted.
        tables: those that were written to since, the most written first.
        is_least: whether more may have been written than was counted.
    """

    point: datetime
    now: datetime
    tables: tuple[Loss, ...]
    is_least: bool

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "from": self.point.isoformat(),
            "to": self.now.isoformat(),
            "seconds": (self.now - self.point).total_seconds(),
            "is_least": self.is_least,
            "tables": [
                {"table": t.table, "inserted": t.inserted, "changed": t.changed, "deleted": t.deleted}
                for t in self.tables
            ],
        }


def losses(then: Counters, present: Counters, *, point: datetime, now: datetime) -> Losses:
    """What was written between two countings of one database."""
    is_same = bool(then.tables or not present.tables) and then.since == present.since
    before: Mapping[str, tuple[int, int, int]] = then.tables if is_same else {}
    found = []
    for table, counts in present.tables.items():
        was = before.get(table, (0, 0, 0))
        # A table that was dropped and made anew counts from nothing.
        grown = [a - b for a, b in zip(counts, was, strict=True)]
        written = counts if min(grown) < 0 else tuple(grown)
        if any(written):
            found.append(Loss(table.removeprefix("public."), *written))
    found.sort(key=lambda each: (-(each.inserted + each.changed + each.deleted), each.table))
    return Losses(point, now, tuple(found), not is_same)


@dataclass(frozen=True)
class Point:
    """The restore point of a release: made before its release command, while another release served."""

    release: int
    before: int | None


def point_for(number: int, points: Sequence[Point]) -> int | None:
    """The release whose restore point holds the data as an earlier release left it.

    That is the newest one that was made while it served; else the first one after it: the releases between
    them had no release command, and left the data as it was. None if there is none.
    """
    own = [point.release for point in points if point.before == number]
    later = [point.release for point in points if point.release > number]
    return max(own) if own else min(later, default=None)
