"""Segments of WAL in an archive: whether one is missing among them.

pgBackRest drops WAL for good when its queue is full, and PostgreSQL counts what was dropped as archived;
then a restore ends at the gap without a word. So the names are compared. A segment's name
(https://www.postgresql.org/docs/17/wal-internals.html) is three numbers of eight hexadecimal digits: the
timeline, and the two halves of its place. With segments of 16 MB the last one counts to FF.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SEGMENT: Final = re.compile(r"(?:^|/)([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?$")
_PER_FILE: Final = 0x100
SEGMENT_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, order=True)
class Gap:
    """Segments that are missing: the first and the last one, both included."""

    first: str
    last: str

    @property
    def count(self) -> int:
        """How many."""
        return place(self.last) - place(self.first) + 1

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def segments(paths: Iterable[str], *, version: int | None = None) -> list[str]:
    """The names of segments among the files of an archive, sorted.

    Args:
        paths: below the archive; the first folder is named by the version and the number of a cluster.
        version: the major version of PostgreSQL that wrote them; None: whichever.
    """
    own = (path for path in paths if version is None or path.startswith(f"{version}-"))
    return sorted({found.group(1) for path in own if (found := _SEGMENT.search(path))})


def place(segment: str) -> int:
    """Where a segment is in its timeline, counted in segments."""
    return int(segment[8:16], 16) * _PER_FILE + int(segment[16:], 16)


def position(lsn: str) -> int:
    """A position in the WAL, such as ``0/3000148``, as a number of bytes."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def place_of_lsn(lsn: str) -> int:
    """The place of the segment that holds a position."""
    return position(lsn) // SEGMENT_BYTES


def name(timeline: int, number: int) -> str:
    """The segment of a timeline at a place."""
    return f"{timeline:08X}{number // _PER_FILE:08X}{number % _PER_FILE:08X}"


def gaps(names: Iterable[str], *, since: str = "") -> tuple[Gap, ...]:
    """Segments missing between the first and the last of each timeline.

    Args:
        names: as :func:`segments` gives them.
        since: a segment; what is before its place in any timeline is not looked at.
    """
    least = place(since) if since else 0
    by_timeline: dict[int, list[int]] = {}
    for each in names:
        if place(each) >= least:
            by_timeline.setdefault(int(each[:8], 16), []).append(place(each))
    found = []
    for timeline, numbers in by_timeline.items():
        ordered = sorted(numbers)
        for before, after in itertools.pairwise(ordered):
            if after > before + 1:
                found.append(Gap(name(timeline, before + 1), name(timeline, after - 1)))
    return tuple(sorted(found))
