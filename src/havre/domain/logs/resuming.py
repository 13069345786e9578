"""Where reading a source goes on, so that no line is stored twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from havre.domain.logs.record import Raw

OVERLAP: Final = 60
"""Seconds that are read again: tasks of other nodes may have been late."""
AT_FIRST: Final = 3600
"""Seconds of the past that are read of a service which nothing is stored of."""
_NANO: Final = 1_000_000_000


def key_of(task: str, stream: str) -> str:
    """Names what has an order of its own: one stream of one task."""
    return f"{task}/{stream}"


def read_from(positions: Mapping[str, int], now: int) -> int:
    """Seconds of the epoch from which to ask the engine.

    Args:
        positions: nanoseconds of the last stored line, by :func:`key_of`.
        now: seconds of the epoch.
    """
    if not positions:
        return max(0, now - AT_FIRST)
    return max(0, min(now, max(positions.values()) // _NANO) - OVERLAP)


@dataclass
class Resumed:
    """Tells lines that are stored already from new ones, after reading began anew.

    Args:
        positions: nanoseconds of the last stored line, by :func:`key_of`.
    """

    positions: Mapping[str, int]
    _caught_up: set[str] = field(default_factory=set)

    def is_new(self, line: Raw) -> bool:
        """Whether it is not stored yet.

        Once a stream has passed its position, everything is new: lines may come slightly out of order.
        """
        key = key_of(line.task, line.stream)
        if key in self._caught_up:
            return True
        if line.at <= self.positions.get(key, -1):
            return False
        self._caught_up.add(key)
        return True
