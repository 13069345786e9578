"""Roll-ups: a figure every ten seconds for a day, and coarser ones for longer.

Each level is a ring of a fixed number of rows. A bucket is known by its number, its time divided by the
level's step; a bucket of a coarser level is worked out from those of the level below it, whenever one of
these changes. So it can be done again at any time, and comes out the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple


class Bucket(NamedTuple):
    """Least, mean and greatest value of some time."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Level:
    """A ring of buckets.

    Attributes:
        step: seconds of a bucket.
        rows: buckets that are kept.
    """

    step: int
    rows: int

    @property
    def span(self) -> int:
        """Seconds that are kept."""
        return self.step * self.rows

    def number(self, at: float) -> int:
        """Of the bucket of a time, in seconds since the epoch."""
        return int(at // self.step)


_DAY: Final = 86_400
LEVELS: Final = (
    Level(10, _DAY // 10),
    Level(60, 7 * _DAY // 60),
    Level(600, 90 * _DAY // 600),
    Level(7200, 730 * _DAY // 7200),
)
"""From the finest; each step divides the next one."""
_MOST_READ: Final = 2000
"""Buckets that are read for one chart at most, where a coarser level is there: read in a millisecond."""


def children(number: int, level: Level, finer: Level) -> range:
    """Numbers of the buckets of a finer level that a bucket is worked out from."""
    factor = level.step // finer.step
    return range(number * factor, (number + 1) * factor)


def rolled(buckets: Sequence[Bucket | None]) -> Bucket | None:
    """Several as one; None if all are gaps. Each that is there counts alike in the mean."""
    there = [each for each in buckets if each is not None]
    if not there:
        return None
    mean = sum(each.mean for each in there) / len(there)
    return Bucket(min(each.low for each in there), mean, max(each.high for each in there))


def level_for(begin: float, end: float, now: float) -> Level:
    """The finest level that still holds the begin of a span and needs few enough buckets for it."""
    for level in LEVELS:
        if now - begin <= level.span and (end - begin) / level.step <= _MOST_READ:
            return level
    return LEVELS[-1]


class Point(NamedTuple):
    """Of a chart: the begin of a bucket in seconds since the epoch, and what was seen; None is a gap."""

    at: int
    bucket: Bucket | None


def chart(level: Level, first: int, buckets: Sequence[Bucket | None], points: int) -> tuple[Point, ...]:
    """Buckets as at most so many points.

    Points begin at multiples of their width, so that a chart that moves on does not flicker.

    Args:
        level: of the buckets.
        first: number of the first one.
        buckets: one after another.
        points: at most, at least two: one that begins before the first bucket, and the rest.
    """
    if not buckets:
        return ()
    factor = max(1, -(-len(buckets) // max(1, points - 1)))
    return tuple(_points(level, first, buckets, factor))


def _points(level: Level, first: int, buckets: Sequence[Bucket | None], factor: int) -> Iterator[Point]:
    end = first + len(buckets)
    cuts = [first, *range((first // factor + 1) * factor, end, factor), end]
    for begin, stop in pairwise(cuts):
        yield Point(begin // factor * factor * level.step, rolled(buckets[begin - first : stop - first]))
