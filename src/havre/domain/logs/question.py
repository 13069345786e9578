"""What somebody asks of the log, and what the answer is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from havre.domain.logs.levels import Level, fields_of, message_of
from havre.domain.logs.record import LineId
from havre.domain.logs.words import Sought

ALL_LEVELS: Final = (1 << len(Level)) - 1
MOST_LINES: Final = 100_000
_END: Final = 1 << 62
_CURSOR: Final = re.compile(r"(\d{1,17})\.(\d{1,19})\.(\d{1,19})")


class Cursor(NamedTuple):
    """A place between records: they are ordered by time, then by source and number."""

    at: int
    source: int
    number: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def after_all(cls, at: int) -> Cursor:
        """Behind everything of this microsecond."""
        return cls(at, _END, _END)


def cursor(text: str) -> Cursor:
    """The place that a page named.

    Raises:
        ValueError: it is none.
    """
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a place in the log; take it from a page's older or newer")
    return Cursor(*(min(int(part), _END) for part in found.groups()))


class Line(NamedTuple):
    """A record as it is shown; ``at`` in microseconds of the epoch."""

    id: LineId
    at: int
    source: str
    level: Level
    release: int
    task: str
    stream: str
    text: str

    @property
    def cursor(self) -> Cursor:
        """Its place."""
        return Cursor(self.at, self.id.source, self.id.number)

    @property
    def message(self) -> str:
        """What people read: of JSON its message, else the text."""
        fields = self.fields
        return (message_of(fields) if fields else "") or self.text

    @property
    def fields(self) -> dict[str, Any]:
        """What a line of JSON holds."""
        return fields_of(self.text) or {}


def everything(known: Iterable[str]) -> Iterable[str]:
    """Chooses all sources."""
    return known


@dataclass(frozen=True)
class Question:
    """Which records, and how many.

    Args:
        choose: which of the sources that there are, by name.
        levels: bits of the levels, see :func:`havre.domain.logs.levels.at_least`.
        since: microseconds of the epoch, from then on.
        until: up to then, not including it.
        sought: what the text has to hold.
        before: only what stands before this place; the newest of it are answered.
        after: only what stands after this place; the oldest of it are answered.
        limit: how many at most.
        seconds: how long may be looked; then what was found until there is answered.
    """

    choose: Callable[[Iterable[str]], Iterable[str]] = everything
    levels: int = ALL_LEVELS
    since: int = 0
    until: int = _END
    sought: Sought = field(default_factory=Sought)
    before: Cursor | None = None
    after: Cursor | None = None
    limit: int = 100
    seconds: float = 10.0

    @property
    def is_forward(self) -> bool:
        """Whether the oldest records come first into the answer."""
        return self.after is not None


@dataclass(frozen=True)
class Page:
    """Part of an answer.

    Attributes:
        lines: oldest first.
        older: asks for what is before (``before=``); None if there is nothing before.
        newer: asks for what is after (``after=``); None on the way back where nothing is here yet.
        looked_until: microseconds of the epoch up to which was looked, if the time did not do for all.
    """

    lines: tuple[Line, ...]
    older: Cursor | None
    newer: Cursor | None
    looked_until: int | None = None
