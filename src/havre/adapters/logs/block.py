"""A block: many records of one source, compressed.

``text`` is zstd of the records, one a line (:func:`havre.domain.logs.record.stored`), so that a search looks
at all of them at once. ``marks`` is zstd of: the count of records and of writers as two unsigned 32-bit
numbers, the differences of the times in microseconds as signed 64-bit numbers, the levels as bytes, the
writers' numbers as unsigned 16-bit numbers, and the writers (release, task, stream) as JSON. Numbers are
little-endian.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from havre.domain.logs.record import SEPARATOR

FAST: Final = 3
"""Level of zstd while lines come in."""
HARD: Final = 11
"""Level of zstd when a day is packed."""

_HEAD: Final = struct.Struct("<II")
_IS_BIG: Final = sys.byteorder == "big"


class Row(NamedTuple):
    """A record as the file has it; ``text`` is one line."""

    number: int
    at: int
    level: int
    release: int
    task: str
    stream: str
    text: str


class Block(NamedTuple):
    """What a row of the table ``block`` holds, but its id and source."""

    number: int
    records: int
    first: int
    last: int
    levels: int
    marks: bytes
    text: bytes


def packed(rows: Sequence[Row], level: int = FAST) -> tuple[Block, str]:
    """Rows with numbers that follow each other as a block, and their text for the index of words."""
    text = SEPARATOR.join([row.text for row in rows])
    times = [row.at for row in rows]
    writers: dict[tuple[int, str, str], int] = {}
    who = array("H", [writers.setdefault(row[3:6], len(writers)) for row in rows])
    deltas = array("q", [times[0], *(later - sooner for sooner, later in pairwise(times))])
    levels = bytes([row.level for row in rows])
    if _IS_BIG:
        who.byteswap()
        deltas.byteswap()
    marks = b"".join(
        (
            _HEAD.pack(len(rows), len(writers)),
            deltas.tobytes(),
            levels,
            who.tobytes(),
            json.dumps(list(writers)).encode(),
        )
    )
    bits = 0
    for each in set(levels):
        bits |= 1 << each
    data = text.encode("utf-8", "replace")
    block = Block(
        rows[0].number,
        len(rows),
        min(times),
        max(times),
        bits,
        zstd.compress(marks, FAST),
        zstd.compress(data, level),
    )
    return block, text


def text_of(data: bytes) -> str:
    """The records of a block, one a line."""
    return zstd.decompress(data).decode()


class Marks(NamedTuple):
    """What a block tells of its records, by their place."""

    times: Sequence[int]
    levels: bytes
    who: Sequence[int]
    writers: Sequence[tuple[int, str, str]]


def marks_of(data: bytes) -> Marks:
    """The times, levels and writers of a block's records."""
    raw = zstd.decompress(data)
    count, _ = _HEAD.unpack_from(raw)
    place = _HEAD.size
    deltas, who = array("q"), array("H")
    deltas.frombytes(raw[place : place + 8 * count])
    place += 8 * count
    levels = raw[place : place + count]
    place += count
    who.frombytes(raw[place : place + 2 * count])
    place += 2 * count
    if _IS_BIG:
        deltas.byteswap()
        who.byteswap()
    at = 0
    times = array("q")
    for delta in deltas:
        at += delta
        times.append(at)
    writers = [(release, task, stream) for release, task, stream in json.loads(raw[place:])]
    return Marks(times, levels, who, writers)
