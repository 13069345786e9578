"""One day's file: its tables, and opening it."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from havre.errors import HavreError

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    number INTEGER NOT NULL,      -- of its first record within the source
    records INTEGER NOT NULL,
    first INTEGER NOT NULL,       -- microseconds of the epoch, the least and the greatest of its records
    last INTEGER NOT NULL,
    levels INTEGER NOT NULL,      -- bit N: it holds a record of level N
    marks BLOB NOT NULL,          -- times, levels, tasks, see block.py
    text BLOB NOT NULL            -- the records, zstd
);
CREATE INDEX IF NOT EXISTS block_newest ON block (last);
CREATE INDEX IF NOT EXISTS block_of_source ON block (source, last);
CREATE UNIQUE INDEX IF NOT EXISTS block_number ON block (source, number);
CREATE TABLE IF NOT EXISTS fresh (
    source INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, level INTEGER NOT NULL,
    release INTEGER NOT NULL, task TEXT NOT NULL, stream TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (source, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fresh_newest ON fresh (at);
CREATE TABLE IF NOT EXISTS position (
    source INTEGER NOT NULL, key TEXT NOT NULL, until INTEGER NOT NULL,  -- nanoseconds of the epoch
    PRIMARY KEY (source, key)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, content='', detail=none, columnsize=0, tokenize="unicode61 remove_diacritics 0"
);
"""
OPEN: Final = ".day"
PACKED: Final = ".packed"
_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.(day|packed)")
_MICRO: Final = 1_000_000
_PATIENCE: Final = 10.0  # seconds


class LogStoreError(HavreError):
    """The store of logs cannot be read or written."""


def day_of(at: int) -> str:
    """The day (``2026-11-30``) of microseconds of the epoch."""
    return _name(at // _MICRO // 86_400)


@lru_cache(maxsize=64)
def _name(days: int) -> str:
    return f"{date(1970, 1, 1) + timedelta(days):%Y-%m-%d}"


def begins(day: str) -> int:
    """Microseconds of the epoch at which a day begins."""
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) * _MICRO


def ends(day: str) -> int:
    """Microseconds of the epoch at which a day has ended."""
    return begins(day) + 86_400 * _MICRO


def files(folder: Path) -> dict[str, Path]:
    """The file of each day, oldest day first; where a day is packed, the packed one."""
    found: dict[str, Path] = {}
    try:
        names = sorted(each.name for each in folder.iterdir())
    except FileNotFoundError:
        return {}
    for name in names:  # NAME.day comes before NAME.packed
        if match := _NAME.fullmatch(name):
            found[match[1]] = folder / name
    return found


def write(path: Path) -> sqlite3.Connection:
    """Open a day's file for writing, new if there is none.

    A process that is killed loses what it did not commit. Without ``synchronous=FULL`` a power cut may lose
    the last commits too, and neither damages the file (https://www.sqlite.org/wal.html).
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    if path.suffix == OPEN:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-4000")
    connection.execute("PRAGMA journal_size_limit=16000000")
    connection.executescript(SCHEMA)
    return connection


def read(path: Path) -> sqlite3.Connection:
    """Open a day's file for reading only."""
    return sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False
    )


def size(path: Path) -> int:
    """Bytes that a day takes, with what belongs to its file."""
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*") if each.exists())


def remove(path: Path) -> None:
    """Delete a day's file; the file itself first, so that no half of it is ever opened."""
    path.unlink(missing_ok=True)
    for end in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)
