"""Reading: pages in both directions, a line by its id. Any number of readers, beside the one writer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from havre.adapters.logs import day as days
from havre.adapters.logs.block import Marks, marks_of, text_of
from havre.domain.logs.levels import Level
from havre.domain.logs.question import ALL_LEVELS, Cursor, Line, Page, Question
from havre.domain.logs.record import SEPARATOR, LineId, shown
from havre.domain.logs.words import index_query

_TRIES: Final = 3  # a day may be packed while its file is opened
_FRESH: Final = "SELECT source, number, at, level, release, task, stream, text FROM fresh"
_BLOCKS: Final = "SELECT source, number, first, last, marks, text FROM block"

_Answer = TypeVar("_Answer")


class LogReader:
    """Answers questions from the files of a folder.

    Args:
        folder: that of the writer; there may be nothing in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sources(self) -> list[str]:
        """The names of everything that wrote, by name."""
        found: set[str] = set()
        for name in days.files(self._folder):
            found.update(self._of_day(name, _sources) or ())
        return sorted(found)

    def page(self, question: Question) -> Page:
        """The records that a question asks for, at most its limit.

        Raises:
            LogStoreError: a file cannot be read.
        """
        deadline = time.monotonic() + question.seconds
        low, high = _bounds(question)
        lines: list[Line] = []
        stop: int | None = None
        names = [
            name for name in days.files(self._folder) if days.ends(name) > low and days.begins(name) <= high
        ]
        ordered = names if question.is_forward else names[::-1]
        unread = list(reversed(ordered))
        while unread and stop is None and len(lines) < question.limit:
            name = unread.pop()
            rest = question.limit - len(lines)
            ask = partial(_search, name=name, question=question, limit=rest, deadline=deadline)
            found, stop = self._of_day(name, ask) or ([], None)
            lines.extend(found)
        more = bool(unread) or stop is not None or len(lines) >= question.limit
        return _page(question, lines, stop, more=more)

    def line(self, wanted: LineId) -> Line | None:
        """The record of this id; None if it is not kept any more."""
        name = f"{wanted.day[:4]}-{wanted.day[4:6]}-{wanted.day[6:]}"
        return self._of_day(name, partial(_line, wanted=wanted))

    def _of_day(self, name: str, ask: Callable[[sqlite3.Connection], _Answer]) -> _Answer | None:
        """What a day's file answers, in one transaction; None if there is no file of that day."""
        for attempt in range(_TRIES):
            path = days.files(self._folder).get(name)
            if path is None:
                return None
            try:
                with closing(days.read(path)) as connection:
                    connection.execute("BEGIN")  # what moves into a block meanwhile is seen once
                    return ask(connection)
            except sqlite3.Error as error:
                if attempt + 1 == _TRIES:
                    raise days.LogStoreError(
                        f"the log of {name} cannot be read: {error}", retryable=True
                    ) from error
                time.sleep(0.05)
        return None


def _bounds(question: Question) -> tuple[int, int]:
    """Microseconds between which records may be, both included."""
    low, high = question.since, question.until - 1
    if question.before is not None:
        high = min(high, question.before.at)
    if question.after is not None:
        low = max(low, question.after.at)
    return low, high


def _page(question: Question, lines: list[Line], stop: int | None, *, more: bool) -> Page:
    """The answer, oldest first, with the places from which to go on."""
    if question.is_forward:
        reached = Cursor(stop, 0, 0) if stop is not None else None
        newer = reached or (lines[-1].cursor if lines else question.after)
        older = lines[0].cursor if lines else None
        return Page(tuple(lines), older, newer, stop)
    lines.reverse()
    reached = Cursor.after_all(stop) if stop is not None else None
    older = reached or (lines[0].cursor if more and lines else None)
    newer = lines[-1].cursor if lines else question.before
    return Page(tuple(lines), older, newer, stop)


def _sources(day: sqlite3.Connection) -> dict[str, int]:
    return {name: number for number, name in day.execute("SELECT id, name FROM source")}


def _search(
    day: sqlite3.Connection, name: str, question: Question, limit: int, deadline: float
) -> tuple[list[Line], int | None]:
    """The first records in the direction of the question; the time where looking ended, if too slow."""
    known = _sources(day)
    chosen = {known[source]: source for source in question.choose(known) if source in known}
    if not chosen or limit <= 0:
        return [], None
    narrow = _Narrowing(question, chosen, is_all=len(chosen) == len(known), day=name.replace("-", ""))
    best = _Best(limit, is_forward=question.is_forward)
    best.take(narrow.fresh(day, limit))
    for source, number, first, last, marks, text in day.execute(*narrow.blocks()):
        if best.is_settled(first if question.is_forward else last):
            break
        if time.monotonic() > deadline:
            stop = first if question.is_forward else last
            return best.up_to(stop), stop
        best.take(narrow.of_block(source, number, marks, text, limit))
    return best.lines(), None


class _Best:
    """The first ``limit`` records in one direction, out of what comes in any order."""

    def __init__(self, limit: int, *, is_forward: bool) -> None:
        self._limit = limit
        self._is_forward = is_forward
        self._lines: list[Line] = []

    def take(self, lines: Sequence[Line]) -> None:
        if lines:
            self._lines.extend(lines)
            self._lines.sort(key=lambda line: line.cursor, reverse=not self._is_forward)
            del self._lines[self._limit :]

    def is_settled(self, at: int) -> bool:
        """Whether what begins at this time cannot come before what is there."""
        if len(self._lines) < self._limit:
            return False
        worst = self._lines[-1].at
        return at > worst if self._is_forward else at < worst

    def lines(self) -> list[Line]:
        return self._lines

    def up_to(self, at: int) -> list[Line]:
        """Those before which nothing can come any more, though only what lies before ``at`` was looked at."""
        if self._is_forward:
            return [line for line in self._lines if line.at < at]
        return [line for line in self._lines if line.at > at]


class _Narrowing:
    """A question, asked of one day."""

    def __init__(self, question: Question, chosen: dict[int, str], *, is_all: bool, day: str) -> None:
        self._question = question
        self._chosen = chosen
        self._is_all = is_all
        self._day = day
        self._low, self._high = _bounds(question)
        self._order = "ASC" if question.is_forward else "DESC"

    def fresh(self, day: sqlite3.Connection, limit: int) -> list[Line]:
        """Of what is not in a block yet."""
        where, values = self._where("at >= ? AND at <= ?", [self._low, self._high])
        if self._question.levels != ALL_LEVELS:
            where += " AND (? >> level) & 1"
            values.append(self._question.levels)
        for sign, edge in (("<", self._question.before), (">", self._question.after)):
            if edge is not None:
                where += f" AND (at, source, number) {sign} (?, ?, ?)"
                values.extend(edge)
        asked = (
            f"{_FRESH} WHERE {where} ORDER BY at {self._order}, source {self._order}, number {self._order}"
        )
        has_text = bool(self._question.sought.terms or self._question.sought.pattern)
        if not has_text:
            asked += " LIMIT ?"
            values.append(limit)
        rows = day.execute(asked, values).fetchall()
        places = (
            self._question.sought.places(SEPARATOR.join([row[7] for row in rows]))
            if rows and has_text
            else range(len(rows))
        )
        found = []
        for place in places:
            source, number, at, level, release, task, stream, text = rows[place]
            found.append(self._line((at, source, number), level, (release, task, stream), text))
        return found

    def blocks(self) -> tuple[str, list[Any]]:
        """The blocks that may hold something, in the question's direction."""
        where, values = self._where("last >= ? AND first <= ?", [self._low, self._high])
        if self._question.levels != ALL_LEVELS:
            where += " AND levels & ?"
            values.append(self._question.levels)
        if asked := index_query(self._question.sought.terms):
            where += " AND id IN (SELECT rowid FROM words WHERE words MATCH ?)"
            values.append(asked)
        edge = "first" if self._question.is_forward else "last"
        return f"{_BLOCKS} WHERE {where} ORDER BY {edge} {self._order}", values

    def _where(self, times: str, values: list[Any]) -> tuple[str, list[Any]]:
        if self._is_all:
            return times, values
        return f"{times} AND source IN ({','.join('?' * len(self._chosen))})", [*values, *self._chosen]

    def of_block(
        self, source: int, number: int, marks_data: bytes, text_data: bytes, limit: int
    ) -> list[Line]:
        """What a block holds of it, at most the first ``limit`` in the question's direction."""
        text = text_of(text_data)
        places = list(self._question.sought.places(text))
        if not places:
            return []
        marks = marks_of(marks_data)
        kept = [place for place in places if self._is_wanted(marks, place, source, number + place)]
        if not kept:
            return []
        if len(kept) > limit:
            kept.sort(key=lambda place: (marks.times[place], place), reverse=not self._question.is_forward)
            del kept[limit:]
        lines = text.split(SEPARATOR)
        return [
            self._line(
                (marks.times[place], source, number + place),
                marks.levels[place],
                marks.writers[marks.who[place]],
                lines[place],
            )
            for place in kept
        ]

    def _is_wanted(self, marks: Marks, place: int, source: int, number: int) -> bool:
        at = marks.times[place]
        return bool(
            self._low <= at <= self._high
            and (self._question.levels >> marks.levels[place]) & 1
            and self._is_beyond_cursor(at, source, number)
        )

    def _is_beyond_cursor(self, at: int, source: int, number: int) -> bool:
        place = (at, source, number)
        before, after = self._question.before, self._question.after
        return (before is None or place < before) and (after is None or place > after)

    def _line(self, place: tuple[int, int, int], level: int, writer: tuple[int, str, str], text: str) -> Line:
        at, source, number = place
        release, task, stream = writer
        found = LineId(self._day, source, number)
        return Line(found, at, self._chosen[source], Level(level), release, task, stream, shown(text))


def _line(day: sqlite3.Connection, wanted: LineId) -> Line | None:
    name = next((name for name, number in _sources(day).items() if number == wanted.source), None)
    if name is None:
        return None
    here = (wanted.source, wanted.number)
    fresh = day.execute(f"{_FRESH} WHERE source = ? AND number = ?", here).fetchone()
    if fresh is not None:
        _, _, at, level, release, task, stream, text = fresh
        return Line(wanted, at, name, Level(level), release, task, stream, shown(text))
    block = day.execute(
        f"{_BLOCKS} WHERE source = ? AND number <= ? ORDER BY number DESC LIMIT 1",
        here,
    ).fetchone()
    if block is None:
        return None
    place = wanted.number - block[1]
    marks = marks_of(block[4])
    if place >= len(marks.times):
        return None
    release, task, stream = marks.writers[marks.who[place]]
    text = text_of(block[5]).split(SEPARATOR)[place]
    return Line(
        wanted, marks.times[place], name, Level(marks.levels[place]), release, task, stream, shown(text)
    )


def all_pages(reader: LogReader, question: Question) -> Iterator[Line]:
    """Every record of a question that goes forward, page by page, oldest first."""
    asked = question
    while True:
        page = reader.page(asked)
        yield from page.lines
        if page.newer is None or (not page.lines and page.looked_until is None):
            return
        asked = _after(asked, page.newer)


def _after(question: Question, place: Cursor) -> Question:
    return replace(question, after=place)
