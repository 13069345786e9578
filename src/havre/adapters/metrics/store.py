"""The store: owners, their series, and charts of them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from havre.adapters.metrics import sheet
from havre.domain.metrics.rollup import LEVELS, Bucket, Level, Point, chart, level_for

_NAMES: Final = "names.json"
_OWNER: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_FRESH: Final = 60  # seconds
MOST: Final = 100
"""Series of an owner; more are not taken, so that the size stays known."""


def bytes_of(series: int) -> int:
    """Disk that an owner with so many series takes when its rings are full."""
    return -(-series // sheet.COLUMNS) * sheet.BYTES


class Store:
    """Figures of this server.

    Args:
        root: its folder; made by the first write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, owner: str, at: float, values: Mapping[str, float]) -> tuple[str, ...]:
        """Add what was seen of an owner; the names that are not taken, for it has too many.

        Args:
            owner: whose.
            at: seconds since the epoch. What another write told of the same ten seconds stays, name by name.
            values: by the name of the series.

        Raises:
            ValueError: the owner's name is none.
            OSError: the disk is full or broken.
        """
        folder = self._folder(owner)
        names = self._known(folder, values)
        sheets: dict[int, dict[int, float]] = defaultdict(dict)
        for name, value in values.items():
            if name in names:
                number, column = divmod(names[name], sheet.COLUMNS)
                sheets[number][column] = value
        for number, columns in sheets.items():
            sheet.write(folder / f"{number}.ring", at, columns)
        return tuple(name for name in values if name not in names)

    def chart(
        self, owner: str, name: str, begin: float, end: float, *, now: float, points: int = 300
    ) -> tuple[Point, ...]:
        """A series over a span, as at most so many points; gaps have no bucket.

        Args:
            owner: whose series.
            name: of the series; one that is not known is a gap.
            begin: seconds since the epoch.
            end: the same; after ``begin``.
            now: the present: what is too old for a fine level is read from a coarser one.
            points: at least two.
        """
        level = level_for(begin, end, now)
        numbers = _numbers(level, begin, end)
        return chart(level, numbers.start, self._read(owner, name, level, numbers), points)

    def buckets(self, owner: str, name: str, level: Level, begin: float, end: float) -> list[Bucket | None]:
        """A series as it is stored, from ``begin`` until before ``end``."""
        return self._read(owner, name, level, _numbers(level, begin, end))

    def newest(self, owner: str, now: float) -> dict[str, float]:
        """Of each series the newest value that is at most a minute old; those without one lack."""
        folder = self._folder(owner)
        names = list(_stored(folder / _NAMES))
        last = LEVELS[0].number(now)
        numbers = range(last - _FRESH // LEVELS[0].step, last + 1)
        found = {}
        for first in range(0, len(names), sheet.COLUMNS):
            row = sheet.newest(folder / f"{first // sheet.COLUMNS}.ring", numbers)
            for name, bucket in zip(names[first : first + sheet.COLUMNS], row, strict=False):
                if bucket is not None:
                    found[name] = bucket.mean
        return found

    def owners(self) -> tuple[str, ...]:
        """All of whom something is stored, in order."""
        return tuple(sorted(self._owners(self._root, "")))

    def names(self, owner: str) -> tuple[str, ...]:
        """The series of an owner."""
        return tuple(_stored(self._folder(owner) / _NAMES))

    def forget(self, owner: str) -> None:
        """Take away all of an owner, and of those below it."""
        shutil.rmtree(self._folder(owner), ignore_errors=True)

    def _folder(self, owner: str) -> Path:
        if not _OWNER.fullmatch(owner):
            raise ValueError(owner)
        return self._root / owner

    def _read(self, owner: str, name: str, level: Level, numbers: range) -> list[Bucket | None]:
        folder = self._folder(owner)
        place = _stored(folder / _NAMES).get(name)
        if place is None:
            return [None] * len(numbers)
        number, column = divmod(place, sheet.COLUMNS)
        return sheet.read(folder / f"{number}.ring", level, numbers, column)

    def _known(self, folder: Path, wanted: Mapping[str, float]) -> Mapping[str, int]:
        """Columns by name, with places for new names, in the order in which they came."""
        names = _stored(folder / _NAMES)
        missing = sorted(wanted.keys() - names.keys())[: MOST - len(names)]
        if not missing:
            return names
        self._make(folder)
        draft = folder / f".{_NAMES}"
        with draft.open("w") as file:
            json.dump([*names, *missing], file)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        draft.replace(folder / _NAMES)
        return _stored(folder / _NAMES)

    def _make(self, folder: Path) -> None:
        """The folder and those above it, whatever the umask: the web process reads them."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            each.chmod(0o755)

    def _owners(self, folder: Path, name: str) -> Iterator[str]:
        if not folder.is_dir():
            return
        with os.scandir(folder) as found:
            for each in found:
                if each.is_dir():
                    yield from self._owners(folder / each.name, f"{name}/{each.name}".lstrip("/"))
                elif each.name == _NAMES and name:
                    yield name


def _numbers(level: Level, begin: float, end: float) -> range:
    first, last = level.number(begin), max(level.number(begin) + 1, -int(-end // level.step))
    return range(max(first, last - level.rows), last)


def _stored(path: Path) -> Mapping[str, int]:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return _parsed(path, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=4096)
def _parsed(path: Path, _changed: int, _inode: int) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(json.loads(path.read_text()))}
