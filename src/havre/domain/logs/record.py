"""A record of a log: one line as the engine has it, or several that belong together."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from havre.domain.logs.levels import Level

LONGEST: Final = 64 * 1024
"""Characters of a record; more is cut, and said so."""
SEPARATOR: Final = "\n"
"""Between two records of a block; inside a record lines are kept apart by :data:`INNER`."""
INNER: Final = "\x1e"
"""Stands for the end of a line inside a record while it is stored (ASCII's record separator)."""

_SPECIAL: Final = (("\r", ""), (INNER, "\ufffd"), ("\x00", "\ufffd"), (SEPARATOR, INNER))


class Raw(NamedTuple):
    """One line as it was written.

    Attributes:
        at: nanoseconds of the epoch, as the engine noted it.
        task: id of the Swarm task that wrote it.
        stream: ``stdout``, ``stderr`` or empty.
        text: without the end of the line.
    """

    at: int
    task: str
    stream: str
    text: str


class Record(NamedTuple):
    r"""What is stored.

    Attributes:
        at: nanoseconds of the epoch of its first line.
        until: of its last line: where reading goes on after a restart.
        level: what it tells.
        task: id of the Swarm task; empty for what Havre itself says.
        stream: ``stdout``, ``stderr``, or ``havre`` for what Havre itself says.
        release: number of the release, 0 if there is none.
        text: its lines, joined by ``\n``.
    """

    at: int
    until: int
    level: Level
    task: str
    stream: str
    release: int
    text: str


def decoded(data: bytes) -> str:
    """Text of bytes that a program wrote; what is not UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "replace")


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text, cut where it is longer, with a word about how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… [{len(text) - longest:,} more characters left out]"


def stored(text: str) -> str:
    """A record's text as a block holds it: one line."""
    for special, instead in _SPECIAL:  # far faster than translate, as most lines have none of them
        if special in text:
            text = text.replace(special, instead)
    return text


def shown(line: str) -> str:
    """What :func:`stored` made, as people read it."""
    return line.replace(INNER, "\n")


_ID: Final = re.compile(r"(\d{8})-(\d{1,9})-(\d{1,12})")


class LineId(NamedTuple):
    """Names a record for good: the day's file, the source's number in it, the record's number there."""

    day: str
    source: int
    number: int

    def __str__(self) -> str:
        return f"{self.day}-{self.source}-{self.number}"


def line_id(text: str) -> LineId:
    """The id that somebody has in a link.

    Raises:
        ValueError: it is none.
    """
    found = _ID.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not the id of a line, which is like 20261130-3-1502")
    return LineId(found[1], int(found[2]), int(found[3]))
