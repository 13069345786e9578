"""When something that grows is full, by a line that single jumps do not bend.

The line is that of Theil and Sen: the median of the slopes between all pairs of points. Up to 29 % of the
points may be anything (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau",
JASA 63, 1968).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

_MOST: Final = 120
"""Points that are compared; each with each other, so 7,140 slopes."""
_FEWEST: Final = 6
_HORIZON: Final = 365 * 86_400.0
"""Seconds; who is told of a later time learns nothing."""


@dataclass(frozen=True)
class Line:
    """A value over time: ``value = base + slope * at``."""

    base: float
    slope: float

    def value(self, at: float) -> float:
        """At a time."""
        return self.base + self.slope * at


def line(points: Sequence[tuple[float, float]]) -> Line | None:
    """Through points of time and value; None with too few of them, or all at one time."""
    chosen = points[:: -(-len(points) // _MOST)] if points else ()
    if len(chosen) < _FEWEST:
        return None
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in combinations(chosen, 2) if t != s]
    if not slopes:
        return None
    slope = median(slopes)
    return Line(median(value - slope * at for at, value in chosen), slope)


def full_in(points: Sequence[tuple[float, float]], full: float, now: float) -> float | None:
    """Seconds until a value reaches its limit if it goes on like this; None: not within a year.

    It starts from the newest point, which is known, with the slope of the line.

    Args:
        points: time in seconds and value, the newest last.
        full: the limit.
        now: the present time.
    """
    found = line(points)
    if found is None or found.slope <= 0:
        return None
    at, value = points[-1]
    left = (full - value) / found.slope - (now - at)
    return max(0.0, left) if left <= _HORIZON else None
