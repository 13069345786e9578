"""Dumps in the archive: how they are called, and when one is to be believed.

A dump is pg_dump's custom format, not compressed: restic compresses it, and finds again what did not
change since the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

FILE: Final = "database.dump"
"""What it is called in its snapshot."""
COMPRESSIONS: Final = {"none": "off", "fast": "fastest", "auto": "auto", "best": "max"}
"""Words of the manifest, and restic's."""
_TABLE: Final = re.compile(r"^\d+; \d+ \d+ TABLE DATA ", re.MULTILINE)
_SHRUNK: Final = 0.5
_STILL_THERE: Final = 0.75
_SAME: Final = (0.8, 1.25)

CONTENTS: Final = """
SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'e')),
       (SELECT coalesce(sum(n_live_tup), 0)::bigint FROM pg_stat_user_tables)
"""
"""SQL: tables that a dump has to hold, and about how many rows there are."""


def tag(environment: str, service: str) -> str:
    """Tag of the dumps of a database."""
    return f"dump:{environment}/{service}"


def command(database: str) -> tuple[str, ...]:
    """pg_dump as the administrator; it gives up where somebody holds a table for minutes."""
    return ("pg_dump", "--format=custom", "--compress=0", "--lock-wait-timeout=5min", "--username=postgres",
            f"--dbname={database}")  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What a database, or its dump, holds: tables, and about how many rows."""

    tables: int = 0
    rows: int = 0

    @staticmethod
    def read(answer: str) -> Contents:
        """The answer to :data:`CONTENTS`, fields apart by ``|``."""
        tables, rows = answer.split("|")
        return Contents(int(tables), int(rows))


@dataclass(frozen=True)
class Made:
    """A dump that was made: its bytes, and what the database held."""

    size: int
    contents: Contents = Contents()

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"size": self.size, "tables": self.contents.tables, "rows": self.contents.rows}


def listed(answer: str) -> int:
    """How many tables with their rows ``pg_restore --list`` names."""
    return len(_TABLE.findall(answer))


def problem(made: Made, listing: str, before: Made | None, *, suspected: int = 0) -> str:
    """Why a dump that can be read is not to be believed; empty if it is.

    Args:
        made: it, and what the database held at the least meanwhile.
        listing: what ``pg_restore --list`` says of it.
        before: the last good one.
        suspected: bytes of the last one, if that was not believed: a second one like it is right.
    """
    found = listed(listing)
    if found < made.contents.tables:
        return f"the dump holds {found} of {made.contents.tables} tables"
    if (
        before is not None
        and made.size < before.size * _SHRUNK
        and made.contents.rows > before.contents.rows * _STILL_THERE
        and before.contents.rows
        and not _SAME[0] < made.size / (suspected or -1) < _SAME[1]
    ):
        return (
            f"the dump has {made.size / 1e6:.1f} MB, the one before had {before.size / 1e6:.1f} MB,"
            " with about as many rows in the database"
        )
    return ""


def lacks(wanted: Contents, found: Contents) -> str:
    """What a restored dump has too little of; empty if nothing.

    Args:
        wanted: what the database held when it was dumped; PostgreSQL counts rows only about.
        found: what came back.
    """
    if found.tables < wanted.tables:
        return f"{found.tables} of {wanted.tables} tables came back"
    if found.rows < wanted.rows * _SHRUNK:
        return f"{found.rows} of about {wanted.rows} rows came back"
    return ""
