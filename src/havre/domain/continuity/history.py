"""Timelines: each restore begins one, and what was written after its moment stays on the one before.

The history file of a timeline (https://www.postgresql.org/docs/17/continuous-archiving.html, "Timelines")
names the timelines that led to it, one a line: number, position at which it was left, reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_LINE: Final = re.compile(r"^(\d+)\s+([0-9A-F]+/[0-9A-F]+)\b")


@dataclass(frozen=True)
class Branch:
    """A timeline that a restore began.

    Attributes:
        timeline: its number.
        since: from when on the database wrote on it.
        ancestors: numbers of the timelines that led to it, with the position where each was left.
    """

    timeline: int
    since: datetime
    ancestors: tuple[tuple[int, str], ...]

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "timeline": self.timeline,
            "since": self.since.isoformat(),
            "ancestors": [list(each) for each in self.ancestors],
        }

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Branch:
        """From the same."""
        ancestors = tuple((int(number), str(lsn)) for number, lsn in data["ancestors"])
        return cls(int(data["timeline"]), datetime.fromisoformat(data["since"]), ancestors)


def ancestors_of(history: str) -> tuple[tuple[int, str], ...]:
    """What a history file tells."""
    found = (_LINE.match(line) for line in history.splitlines())
    return tuple((int(each.group(1)), each.group(2)) for each in found if each)


def timeline_of_time(at: datetime, branches: Sequence[Branch]) -> int:
    """The timeline on which the database wrote at a time; 0 if nothing is known.

    Args:
        at: the time.
        branches: as the restores of the database began them, the oldest first.
    """
    before = [each for each in branches if each.since <= at]
    if before:
        return before[-1].timeline
    return branches[0].ancestors[-1][0] if branches and branches[0].ancestors else 0
