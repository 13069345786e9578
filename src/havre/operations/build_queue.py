"""Who builds and who waits: first come, first served, in this worker alone.

There is one worker on a server, and the queue lives in it: a worker that dies leaves no place taken,
and the operations that the next one continues queue up again as they come to their builds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_LOOK: Final = 0.2  # seconds between two looks whether somebody asked to stop


class BuildQueue:
    """Places for builds; who finds none waits in the order of arrival.

    Args:
        slots: builds at once.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._moved = threading.Condition()
        self._line: list[_Ticket] = []

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._moved:
            return max(len(self._line) - self._slots, 0)

    @contextmanager
    def turn(
        self, owner: str, *, tell: Callable[[str], None], checkpoint: Callable[[], None]
    ) -> Iterator[None]:
        """Have a place during the block, waiting for it before.

        Args:
            owner: what builds, as others are told: ``shop/production (operation 12)``.
            tell: takes what is waited for whenever that changes, and the empty string when it is over.
            checkpoint: called all along; what it raises ends the waiting.
        """
        ticket = _Ticket(owner)
        told = ""
        with self._moved:
            self._line.append(ticket)
        try:
            while waits := self._waits(ticket):
                if waits != told:
                    tell(told := waits)
                checkpoint()
                with self._moved:
                    self._moved.wait(_LOOK)
            if told:
                tell("")
            yield
        finally:
            with self._moved:
                self._line.remove(ticket)
                self._moved.notify_all()

    def _waits(self, ticket: _Ticket) -> str:
        """What a ticket waits for; empty if it is its turn."""
        with self._moved:
            place = self._line.index(ticket)
            if place < self._slots:
                return ""
            builders = ", ".join(other.owner for other in self._line[: self._slots])
            before = place - self._slots
        behind = f"; {before} wait before it" if before > 1 else "; 1 waits before it" if before else ""
        return f"waits for the build of {builders}{behind}"


class _Ticket:
    """One who came; compared by identity."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
