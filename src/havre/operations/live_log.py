"""Lines as they are stored, for those who follow: from the collector's thread to any number of readers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from havre.adapters.logs.writer import Stored

MOST_WAITING: Final = 5_000
"""Lines that wait for one reader; who is slower than that misses the oldest, and is told."""


class Following:
    """One reader's queue.

    Args:
        accepts: whether a source, by name, is one that the reader asked for.
    """

    def __init__(self, accepts: Callable[[str], bool]) -> None:
        self._accepts = accepts
        self._waiting: deque[Stored] = deque()
        self._missed = 0
        self._changed = threading.Condition()

    def put(self, lines: Sequence[Stored]) -> None:
        """Give the reader what it asked for of these."""
        wanted = [line for line in lines if self._accepts(line.source)]
        if not wanted:
            return
        with self._changed:
            self._waiting.extend(wanted)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                self._missed += 1
            self._changed.notify()

    def take(self, patience: float) -> tuple[list[Stored], int]:
        """What came, at most ``patience`` seconds later, and how many lines were missed before it."""
        with self._changed:
            if not self._waiting:
                self._changed.wait(patience)
            lines, missed = list(self._waiting), self._missed
            self._waiting.clear()
            self._missed = 0
        return lines, missed


class LiveLog:
    """Those who follow."""

    def __init__(self) -> None:
        self._followers: set[Following] = set()
        self._lock = threading.Lock()

    def publish(self, lines: Sequence[Stored]) -> None:
        """Tell everybody; never waits for one."""
        with self._lock:
            followers = list(self._followers)
        for each in followers:
            each.put(lines)

    @contextmanager
    def following(self, accepts: Callable[[str], bool]) -> Iterator[Following]:
        """A queue that gets what is stored from now on."""
        made = Following(accepts)
        with self._lock:
            self._followers.add(made)
        try:
            yield made
        finally:
            with self._lock:
                self._followers.discard(made)
