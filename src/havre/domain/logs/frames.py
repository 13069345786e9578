"""The engine's stream of a log, taken apart.

Format: https://docs.docker.com/reference/api/engine/#tag/Container/operation/ContainerAttach ("Stream
format"): a byte of the stream (1 stdout, 2 stderr), three of zero, the length as four bytes, most significant
first, then that much. With ``timestamps`` and ``details`` one frame is ``TIME KEY=VALUE,KEY=VALUE TEXT``. The
engine divides a line of more than 16 KiB into frames of which only the last ends with a line's end.
"""

from __future__ import annotations

import re
from calendar import timegm
from functools import lru_cache
from typing import Final, NamedTuple

from havre.domain.logs.record import LONGEST, Raw, bounded, decoded

LARGEST: Final = 1024 * 1024
"""Bytes of a frame beyond which it cannot be one: the engine's are of some 16 KiB."""
_HEAD: Final = 8
_STREAMS: Final = {0: "stdout", 1: "stdout", 2: "stderr"}
_TASK: Final = re.compile(rb"com\.docker\.swarm\.task\.id=([a-z0-9]+)")
_DATE: Final = re.compile(rb"(\d{4})-(\d\d)-(\d\d)")
_DIGITS: Final = 9
_NANO: Final = 1_000_000_000


class Frame(NamedTuple):
    """One frame: the stream's number and what was in it."""

    stream: int
    data: bytes


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now.

        Raises:
            ValueError: these are no frames, such as the stream of a terminal.
        """
        data = self._rest + data if self._rest else data
        place, end = 0, len(data)
        found = []
        while end - place >= _HEAD:
            if data[place] > 2 or data[place + 1 : place + 4] != b"\0\0\0":  # noqa: PLR2004 - stderr
                raise ValueError("not a stream of frames")
            size = int.from_bytes(data[place + 4 : place + _HEAD], "big")
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes")
            begin = place + _HEAD
            if begin + size > end:
                break
            found.append(Frame(data[place], data[begin : begin + size]))
            place = begin + size
        self._rest = data[place:]
        return found


class Lines:
    """Makes lines of frames; holds what is part of a long one."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], list[str]] = {}

    def line(self, frame: Frame) -> Raw | None:
        """The line that a frame completes; None if more of it comes, or if it is not one.

        What the engine itself puts into the stream, such as that a node cannot be reached, has no time.
        """
        head, _, rest = frame.data.partition(b" ")
        at = nanoseconds(head)
        if at is None:
            return None
        details, _, text = rest.partition(b" ")
        task = _task(details)
        stream = _STREAMS[frame.stream]
        is_whole = text.endswith(b"\n")
        words = decoded(text[:-1] if is_whole else text)
        key = (task, stream)
        waiting = self._parts.pop(key, None) if self._parts else None
        if is_whole and waiting is None:
            return Raw(at, task, stream, words)
        parts = waiting or []
        if sum(map(len, parts)) <= LONGEST:  # what is beyond is cut anyway
            parts.append(words)
        if not is_whole:
            self._parts[key] = parts
            return None
        return Raw(at, task, stream, bounded("".join(parts)))


def nanoseconds(text: bytes) -> int | None:
    """Nanoseconds of the epoch of the engine's time, which is RFC 3339 in UTC; None if it is no time."""
    midnight = _midnight(text[:10])
    if midnight is None or text[10:11] != b"T" or text[-1:] != b"Z":
        return None
    part = text[20:-1]
    try:
        seconds = midnight + 3600 * int(text[11:13]) + 60 * int(text[14:16]) + int(text[17:19])
        return seconds * _NANO + (int(part) if len(part) == _DIGITS else int(part.ljust(_DIGITS, b"0")))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _midnight(text: bytes) -> int | None:
    """Seconds of the epoch at which a day begins."""
    found = _DATE.fullmatch(text)
    return None if found is None else timegm((*(int(part) for part in found.groups()), 0, 0, 0))


@lru_cache(maxsize=1024)
def _task(details: bytes) -> str:
    found = _TASK.search(details)
    return found[1].decode() if found else ""
