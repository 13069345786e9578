"""Writing: records in, a commit for each batch; full blocks are compressed at once."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from havre.adapters.logs import day as days
from havre.adapters.logs.block import Row, packed
from havre.domain.logs.record import LineId, Record, stored
from havre.domain.logs.resuming import key_of

log = logging.getLogger(__name__)

BLOCK_RECORDS: Final = 1000
BLOCK_CHARACTERS: Final = 256 * 1024
MOST_FRESH: Final = 20_000
"""Records of a day that are not in a block yet; searches look at each of them."""
_OPEN_FILES: Final = 2


class Stored(NamedTuple):
    """A record that was stored, for who follows."""

    source: str
    id: LineId
    record: Record


@dataclass(slots=True)
class _Waiting:
    """The records of one source that are not in a block yet."""

    next: int = 1
    records: int = 0
    characters: int = 0


@dataclass
class _Day:
    name: str
    connection: sqlite3.Connection
    sources: dict[str, int] = field(default_factory=dict)
    waiting: dict[int, _Waiting] = field(default_factory=dict)

    @classmethod
    def opened(cls, folder: Path, name: str) -> _Day:
        packed_file = folder / f"{name}{days.PACKED}"
        connection = days.write(packed_file if packed_file.exists() else folder / f"{name}{days.OPEN}")
        made = cls(name, connection)
        made.load()
        return made

    def load(self) -> None:
        """Learn from the file what it holds: at the beginning, and after a commit that failed."""
        self.sources = {
            name: number for number, name in self.connection.execute("SELECT id, name FROM source")
        }
        self.waiting = {number: _Waiting() for number in self.sources.values()}
        for source, after in self.connection.execute(
            "SELECT source, max(number + records) FROM block GROUP BY source"
        ):
            self.waiting[source].next = after
        for source, last, records, characters in self.connection.execute(
            "SELECT source, max(number), count(*), sum(length(text)) FROM fresh GROUP BY source"
        ):
            self.waiting[source] = _Waiting(last + 1, records, characters)

    def source(self, name: str) -> int:
        known = self.sources.get(name)
        if known is None:
            cursor = self.connection.execute("INSERT INTO source (name) VALUES (?)", (name,))
            known = self.sources[name] = int(cursor.lastrowid or 0)
            self.waiting[known] = _Waiting()
        return known


class LogWriter:
    """Appends records to the files of their days. One process has one; safe to use from several threads.

    Args:
        folder: where the files are; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._days: dict[str, _Day] = {}
        self._lock = threading.RLock()
        self._held: dict[str, dict[str, list[Record]]] = {}  # of days that are being packed

    def append(self, batch: Mapping[str, Sequence[Record]]) -> list[Stored]:
        """Store records by the name of their source; each day's in one commit. Returns them with their ids.

        Those of a day that is just being packed are held, and stored when that is done.

        Raises:
            LogStoreError: the disk is full, or the file cannot be written. Nothing of that day is stored.
        """
        by_day: dict[str, dict[str, list[Record]]] = {}
        for source, records in batch.items():
            for record in records:
                by_day.setdefault(days.day_of(record.at // 1000), {}).setdefault(source, []).append(record)
        done: list[Stored] = []
        with self._lock:
            for name in sorted(by_day):
                if name in self._held:
                    for source, records in by_day[name].items():
                        self._held[name].setdefault(source, []).extend(records)
                else:
                    done.extend(self._append_to(name, by_day[name]))
        return done

    @contextmanager
    def resting(self, name: str) -> Iterator[None]:
        """While a day is packed: its file is closed, and what comes late for it is held until the end."""
        with self._lock:
            self._forget(name)
            self._held[name] = {}
        try:
            yield
        finally:
            with self._lock:
                late = self._held.pop(name)
                if late:
                    self._append_to(name, late)

    def _append_to(self, name: str, batch: Mapping[str, list[Record]]) -> list[Stored]:
        try:
            day = self._day(name)
            day.connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _failed(name, error) from error
        try:
            done: list[Stored] = []
            for source, records in batch.items():
                done.extend(self._store(day, source, records))
            self._bound_fresh(day)
            day.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._forget(name)
            raise _failed(name, error) from error
        return done

    def _store(self, day: _Day, source: str, records: list[Record]) -> Iterator[Stored]:
        number = day.source(source)
        waiting = day.waiting[number]
        mark = day.name.replace("-", "")
        rows = []
        positions: dict[str, int] = {}
        for place, record in enumerate(records, waiting.next):
            text = stored(record.text)
            rows.append(
                Row(place, record.at // 1000, record.level, record.release, record.task, record.stream, text)
            )
            if record.task:
                key = key_of(record.task, record.stream)
                positions[key] = max(positions.get(key, 0), record.until)
            yield Stored(source, LineId(mark, number, place), record)
        waiting.next += len(rows)
        waiting.records += len(rows)
        waiting.characters += sum(len(row.text) for row in rows)
        if waiting.records < BLOCK_RECORDS and waiting.characters < BLOCK_CHARACTERS:
            _insert_fresh(day, number, rows)
        else:
            self._make_blocks(day, number, rows)
        day.connection.executemany(
            "INSERT INTO position (source, key, until) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
            [(number, key, until) for key, until in positions.items()],
        )

    def _make_blocks(self, day: _Day, source: int, new: Sequence[Row], *, all_of_it: bool = False) -> None:
        """Blocks of what waits and what is new; the rest waits, unless it is ``all_of_it``."""
        rows = [*_fresh_rows(day.connection, source), *new]
        day.connection.execute("DELETE FROM fresh WHERE source = ?", (source,))
        rest: Sequence[Row] = ()
        for part, is_full in cut(rows, BLOCK_RECORDS, BLOCK_CHARACTERS):
            if is_full or all_of_it:
                insert_block(day.connection, source, part)
            else:
                rest = part
        _insert_fresh(day, source, rest)
        waiting = day.waiting[source]
        waiting.records, waiting.characters = len(rest), sum(len(row.text) for row in rest)

    def _bound_fresh(self, day: _Day) -> None:
        total = sum(waiting.records for waiting in day.waiting.values())
        while total > MOST_FRESH:
            source = max(day.waiting, key=lambda each: day.waiting[each].records)
            total -= day.waiting[source].records
            self._make_blocks(day, source, (), all_of_it=True)

    def positions(self, source: str) -> dict[str, int]:
        """Nanoseconds of the last stored record of each stream of each task, of the newest days."""
        found: dict[str, int] = {}
        with self._lock:
            for path in list(days.files(self._folder).values())[-3:]:
                connection = days.read(path)
                try:
                    rows = connection.execute(
                        "SELECT key, until FROM position JOIN source ON source.id = source WHERE name = ?",
                        (source,),
                    )
                    for key, until in rows:
                        found[key] = max(found.get(key, 0), until)
                finally:
                    connection.close()
        return found

    def sizes(self) -> dict[str, int]:
        """Bytes of the compressed blocks of each source of today's newest file, by name."""
        with self._lock:
            newest = next(reversed(list(days.files(self._folder).values())), None)
            if newest is None:
                return {}
            connection = days.read(newest)
            try:
                return dict(
                    connection.execute(
                        "SELECT name, sum(length(text) + length(marks)) FROM block"
                        " JOIN source ON source.id = source GROUP BY source"
                    )
                )
            finally:
                connection.close()

    def close(self, *, before: str = "") -> None:
        """Close the files of days before one, or all."""
        with self._lock:
            for name in [each for each in self._days if not before or each < before]:
                self._forget(name)

    def _day(self, name: str) -> _Day:
        if name not in self._days:
            while len(self._days) >= _OPEN_FILES:
                self._forget(min(self._days))
            self._days[name] = _Day.opened(self._folder, name)
        return self._days[name]

    def _forget(self, name: str) -> None:
        day = self._days.pop(name, None)
        if day is not None:
            try:
                day.connection.close()  # rolls back what was not committed
            except sqlite3.Error:
                log.exception("closing the log of %s", name)


def cut(rows: Sequence[Row], most: int, characters: int) -> Iterator[tuple[Sequence[Row], bool]]:
    """Rows in parts for blocks; of each whether it is full. Numbers within a part follow each other."""
    begin = size = 0
    for place, row in enumerate(rows):
        is_gap = place > begin and row.number != rows[place - 1].number + 1
        if is_gap or place - begin >= most or size >= characters:
            yield rows[begin:place], True
            begin, size = place, 0
        size += len(row.text)
    if begin < len(rows):
        yield rows[begin:], len(rows) - begin >= most or size >= characters


def insert_block(connection: sqlite3.Connection, source: int, rows: Sequence[Row], **level: int) -> None:
    """Add rows as a block and its words to the index."""
    block, text = packed(rows, **level)
    cursor = connection.execute(
        "INSERT INTO block (source, number, records, first, last, levels, marks, text)"
        " VALUES (?,?,?,?,?,?,?,?)",
        (source, *block),
    )
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (cursor.lastrowid, text))


def _fresh_rows(connection: sqlite3.Connection, source: int) -> list[Row]:
    found = connection.execute(
        "SELECT number, at, level, release, task, stream, text FROM fresh WHERE source = ? ORDER BY number",
        (source,),
    )
    return [Row(*each) for each in found]


def _insert_fresh(day: _Day, source: int, rows: Sequence[Row]) -> None:
    day.connection.executemany("INSERT INTO fresh VALUES (?,?,?,?,?,?,?,?)", [(source, *row) for row in rows])


def _failed(day: str, error: sqlite3.Error) -> days.LogStoreError:
    return days.LogStoreError(
        f"the log of {day} cannot be written: {error}",
        hint="is the disk of HAVRE_STATE full? `havre doctor` tells",
        retryable=True,
    )
