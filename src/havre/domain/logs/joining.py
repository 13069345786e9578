"""Lines that belong together: stack traces of Python, Node.js, Java, Go and the like.

A line goes to the record before it if the same task wrote it to the same stream soon after, and it

- is indented: a frame, the code of a frame, the rest of a printed value;
- closes what an indented line opened: ``}`` of Node's errors with fields;
- continues a trace of Java (``Caused by:``, ``Suppressed:``, ``... 7 more``);
- begins a traceback of Python after a line that already told an error: logging writes it so;
- stands at the end of Python's traceback (``ValueError: …``), or between two that are chained;
- is a goroutine's part of a panic of Go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from havre.domain.logs.levels import Level, level_of
from havre.domain.logs.record import LONGEST, Raw, Record, bounded

SOON: Final = 1_000_000_000
"""Nanoseconds within which a line continues the one before."""
MOST_LINES: Final = 500

_TRACEBACK: Final = "Traceback (most recent call last):"
_CHAINED: Final = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
_CONTINUES: Final = re.compile(
    r"\s+\S|\s*[\]})]+[,;]?\s*$|Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|--- End of "
)
_GO_PANIC: Final = re.compile(r"panic: |fatal error: |goroutine \d+ \[")
_GO_PART: Final = re.compile(
    r"goroutine \d+ \[|[\w./*()\-]+\(.*\)$|created by |\[signal |exit status \d|\s|$"
)


@dataclass(slots=True)
class _Open:
    """The record that still may get lines."""

    first: Raw
    last: int
    lines: list[str]
    size: int
    in_traceback: bool = False
    in_panic: bool = False
    turn: int = 0


@dataclass
class Joiner:
    """Joins the lines of one source; holds the newest record of each task and stream until it is complete.

    Args:
        release: number of the release, by which records are marked.
        redact: takes secrets out of a text.
    """

    release: int = 0
    redact: Callable[[str], str] = str
    _open: dict[tuple[str, str], _Open] = field(default_factory=dict)
    _turn: int = 0

    def add(self, line: Raw) -> Record | None:
        """Take a line; the record that it completed by not continuing it."""
        key = (line.task, line.stream)
        before = self._open.get(key)
        if before is not None and _continues(before, line):
            _append(before, line)
            before.turn = self._turn
            return None
        text = line.text
        self._open[key] = _Open(
            line,
            line.at,
            [text],
            len(text),
            text.startswith(_TRACEBACK),
            _GO_PANIC.match(text) is not None,
            self._turn,
        )
        return None if before is None else self._record(before)

    def complete(self, *, only_idle: bool = False) -> Iterator[Record]:
        """The records that get no more lines: all, or those that got none since this was asked last."""
        for key, record in list(self._open.items()):
            if not only_idle or record.turn < self._turn:
                del self._open[key]
                yield self._record(record)
        self._turn += 1

    def _record(self, made: _Open) -> Record:
        lines = made.lines
        while len(lines) > 1 and not lines[-1].strip():
            lines.pop()
        text = self.redact(bounded("\n".join(lines) if len(lines) > 1 else lines[0]))
        level = level_of(text)
        if level is Level.UNKNOWN and (made.in_traceback or made.in_panic):
            level = Level.ERROR
        first = made.first
        return Record(first.at, made.last, level, first.task, first.stream, self.release, text)


def _append(record: _Open, line: Raw) -> None:
    record.last = line.at
    if record.size <= LONGEST:  # what is beyond is cut anyway
        record.lines.append(line.text)
    record.size += len(line.text) + 1
    text = line.text
    if text.startswith(_TRACEBACK):
        record.in_traceback = True
    elif record.in_traceback and text[:1] not in {" ", "\t", ""} and text not in _CHAINED:
        record.in_traceback = False  # the exception itself, which ends it


def _continues(record: _Open, line: Raw) -> bool:
    if line.at - record.last > SOON or len(record.lines) >= MOST_LINES:
        return False
    if record.in_traceback:
        return True
    text = line.text
    if record.in_panic:
        return _GO_PART.match(text) is not None
    return _CONTINUES.match(text) is not None or _continues_traceback(record, text)


def _continues_traceback(record: _Open, text: str) -> bool:
    """Whether it is a traceback of Python or stands between two of them."""
    if not text or text in _CHAINED:
        return _has_trace(record)
    if not text.startswith(_TRACEBACK):
        return False
    if record.lines[-1] in {"", *_CHAINED}:
        return _has_trace(record)
    return len(record.lines) == 1 and level_of(record.lines[0]) >= Level.WARN


def _has_trace(record: _Open) -> bool:
    return any(line.startswith(_TRACEBACK) for line in record.lines)
