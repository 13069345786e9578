"""Packing days that are over, and deleting what is kept long enough."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from havre.adapters.logs import day as days
from havre.adapters.logs.block import HARD, Row, marks_of, text_of
from havre.adapters.logs.writer import cut, insert_block
from havre.domain.logs.record import SEPARATOR
from havre.domain.logs.retention import Kept, expired

log = logging.getLogger(__name__)

_BLOCK_RECORDS: Final = 2000
_BLOCK_CHARACTERS: Final = 512 * 1024
_DRAFT: Final = ".draft"


def unpacked(folder: Path) -> dict[str, Path]:
    """The files of days that are not packed yet, oldest first."""
    return {name: path for name, path in days.files(folder).items() if path.suffix == days.OPEN}


def tidy(folder: Path) -> None:
    """Remove what a worker that died left: drafts, and files of days that are packed."""
    for draft in folder.glob(f"*{_DRAFT}*"):
        draft.unlink(missing_ok=True)
    for path in folder.glob(f"*{days.PACKED}"):
        days.remove(path.with_suffix(days.OPEN))


def pack(path: Path, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Write a day anew: large blocks, compressed harder, nothing fresh, an index in one piece.

    The writer must have closed the file. Readers go on with it until the packed one is in its place. Ids
    of records stay what they are.

    Args:
        path: the day's open file.
        stopped: asked between blocks; the day is left as it is once this is true.

    Returns:
        Whether it is packed now.
    """
    draft = path.with_suffix(_DRAFT)
    days.remove(draft)
    with closing(days.read(path)) as old, closing(_new(draft)) as new:
        old.execute("BEGIN")
        new.execute("BEGIN")
        new.executemany(
            "INSERT INTO source (id, name) VALUES (?, ?)", old.execute("SELECT id, name FROM source")
        )
        new.executemany(
            "INSERT INTO position VALUES (?, ?, ?)", old.execute("SELECT source, key, until FROM position")
        )
        for (source,) in old.execute("SELECT id FROM source ORDER BY id").fetchall():
            for part in _parts(old, source):
                if stopped():
                    return False
                insert_block(new, source, part, level=HARD)
        new.execute("COMMIT")
        new.execute("INSERT INTO words (words) VALUES ('optimize')")
        new.execute("VACUUM")  # the pages of what the index was merged from
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.rename(path.with_suffix(days.PACKED))
    _sync(path.parent)
    days.remove(path)
    return True


def _new(draft: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(draft, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")  # it counts once it is renamed, after an fsync
    connection.execute("PRAGMA cache_size=-8000")
    connection.executescript(days.SCHEMA)
    return connection


def _parts(old: sqlite3.Connection, source: int) -> Iterator[list[Row]]:
    """A source's records by number, in parts for large blocks."""
    waiting: list[Row] = []
    for row in _rows(old, source):
        waiting.append(row)
        if len(waiting) >= 2 * _BLOCK_RECORDS:
            *full, rest = [list(part) for part, _ in cut(waiting, _BLOCK_RECORDS, _BLOCK_CHARACTERS)]
            yield from full
            waiting = rest if full else []
            if not full:
                yield rest
    yield from (list(part) for part, _ in cut(waiting, _BLOCK_RECORDS, _BLOCK_CHARACTERS))


def _rows(old: sqlite3.Connection, source: int) -> Iterator[Row]:
    for number, marks_data, text in old.execute(
        "SELECT number, marks, text FROM block WHERE source = ? ORDER BY number", (source,)
    ):
        marks = marks_of(marks_data)
        for place, line in enumerate(text_of(text).split(SEPARATOR)):
            release, task, stream = marks.writers[marks.who[place]]
            yield Row(number + place, marks.times[place], marks.levels[place], release, task, stream, line)
    for row in old.execute(
        "SELECT number, at, level, release, task, stream, text FROM fresh WHERE source = ? ORDER BY number",
        (source,),
    ):
        yield Row(*row)


def expire(folder: Path, *, today: str, days_kept: int, most_bytes: int) -> list[str]:
    """Delete the days that are kept long enough, or for which there is no place; which they were.

    Args:
        folder: of the store.
        today: the day that is written to; it is never deleted.
        days_kept: full days before today.
        most_bytes: what all may take.
    """
    kept = [Kept(name, days.size(path)) for name, path in days.files(folder).items()]
    gone = expired(kept, today=today, days_kept=days_kept, most_bytes=most_bytes)
    for name in gone:
        for end in (days.OPEN, days.PACKED):
            days.remove(folder / f"{name}{end}")
    return gone


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
