"""One file of the store: the rings of up to ten series."""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isnan, nan
from pathlib import Path
from typing import Final

from havre.domain.metrics.rollup import LEVELS, Bucket, Level, children, rolled

COLUMNS: Final = 10
"""Series of a sheet."""
_WIDTHS: Final = (64, *(128 for _ in LEVELS[1:]))
"""Bytes of a row of each level."""
_OFFSETS: Final = tuple(
    sum(level.rows * width for level, width in zip(LEVELS[:index], _WIDTHS, strict=False))
    for index in range(len(LEVELS))
)
BYTES: Final = sum(level.rows * width for level, width in zip(LEVELS, _WIDTHS, strict=True))
"""Size of a sheet; what was never written takes no disk, where the file system has sparse files."""
_SINGLE: Final = struct.Struct(f"<I{COLUMNS}f")
_TRIPLE: Final = struct.Struct(f"<I{3 * COLUMNS}f")
Row = list[Bucket | None]
"""A bucket for each column."""


def write(path: Path, at: float, values: Mapping[int, float]) -> None:
    """Write values of a time, and roll them up.

    Args:
        path: of the sheet; it is made if it is not there.
        at: seconds since the epoch.
        values: by column.

    Raises:
        OSError: the disk is full or broken.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(descriptor).st_size != BYTES:
            os.fchmod(descriptor, 0o644)  # whatever the umask: the web process reads it
            os.ftruncate(descriptor, BYTES)
        number = LEVELS[0].number(at)
        row = _rows(descriptor, 0, range(number, number + 1))[0]
        for column, value in values.items():
            row[column] = None if isnan(value) else Bucket(value, value, value)
        _put(descriptor, 0, number, row)
        for index in range(1, len(LEVELS)):
            _roll(descriptor, index, LEVELS[index].number(at))
    finally:
        os.close(descriptor)


def _roll(descriptor: int, index: int, number: int) -> None:
    rows = _rows(descriptor, index - 1, children(number, LEVELS[index], LEVELS[index - 1]))
    _put(descriptor, index, number, [rolled(column) for column in zip(*rows, strict=True)])


def _put(descriptor: int, index: int, number: int, row: Sequence[Bucket | None]) -> None:
    if index == 0:
        packed = _SINGLE.pack(number, *(each.mean if each else nan for each in row))
    else:
        thrice = [each or (nan, nan, nan) for each in row]
        packed = _TRIPLE.pack(number, *(each[part] for part in range(3) for each in thrice))
    width = _WIDTHS[index]
    os.pwrite(descriptor, packed.ljust(width, b"\0"), _OFFSETS[index] + number % LEVELS[index].rows * width)


def _rows(descriptor: int, index: int, numbers: range) -> list[Row]:
    width, form = _WIDTHS[index], _SINGLE if index == 0 else _TRIPLE
    raw = _raw(descriptor, index, numbers)
    rows: list[Row] = []
    for place, number in enumerate(numbers):
        stamp, *values = form.unpack_from(raw, place * width)
        lows, means, highs = (
            (values, values, values)
            if index == 0
            else (values[:COLUMNS], values[COLUMNS : 2 * COLUMNS], values[2 * COLUMNS :])
        )
        rows.append(
            [
                None if stamp != number or isnan(mean) else Bucket(low, mean, high)
                for low, mean, high in zip(lows, means, highs, strict=True)
            ]
        )
    return rows


def _raw(descriptor: int, index: int, numbers: range) -> bytes:
    """The bytes of rows that follow each other: the ring's end may lie between them."""
    level, width = LEVELS[index], _WIDTHS[index]
    begin = numbers.start % level.rows
    head = min(len(numbers), level.rows - begin)
    raw = os.pread(descriptor, head * width, _OFFSETS[index] + begin * width).ljust(head * width, b"\0")
    rest = len(numbers) - head
    if rest:
        raw += os.pread(descriptor, rest * width, _OFFSETS[index]).ljust(rest * width, b"\0")
    return raw


def newest(path: Path, numbers: range) -> Row:
    """Of each column the newest bucket of the finest level, among some that follow each other."""
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            rows = _rows(descriptor, 0, numbers)
        finally:
            os.close(descriptor)
        columns = zip(*rows, strict=True)
        return [next((each for each in reversed(column) if each), None) for column in columns]
    return [None] * COLUMNS


def read(path: Path, level: Level, numbers: range, column: int) -> Row:
    """Buckets of one series, a gap where there is none.

    Args:
        path: of the sheet; it need not be there.
        level: one of ``LEVELS``.
        numbers: of the buckets, no more than the level has rows.
        column: of the series.
    """
    index = LEVELS.index(level)
    gaps: Row = [None] * len(numbers)
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            raw = _raw(descriptor, index, numbers)
        finally:
            os.close(descriptor)
        fields = _WIDTHS[index] // 4
        stamps, floats = array("I", raw)[::fields], array("f", raw)
        lows, means, highs = (
            floats[1 + column + part * COLUMNS * (index > 0) :: fields] for part in range(3)
        )
        return [
            None if stamp != number or isnan(mean) else Bucket(low, mean, high)
            for stamp, number, low, mean, high in zip(stamps, numbers, lows, means, highs, strict=True)
        ]
    return gaps
