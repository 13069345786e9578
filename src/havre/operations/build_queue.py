"""Who builds and who waits: by the number of the operation, in this worker alone.

There is one worker on a server, and the queue lives in it: a worker that dies leaves no place taken.
The operations that the next one continues come to their builds in any order, so those that had come
to them before are expected, and nobody with a higher number goes before them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

_LOOK: Final = 0.2  # seconds between two looks whether somebody asked to stop
WORKER: Final = 0
"""The number of what the worker builds for everybody: the platform's images wait for no operation."""


class BuildQueue:
    """Places for builds; who finds none waits, and the lowest number is the next.

    Args:
        slots: builds at once.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._moved = threading.Condition()
        self._builders: list[_Ticket] = []
        self._line: list[_Ticket] = []
        self._expected: set[int] = set()

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._moved:
            return len(self._line)

    def expect(self, operations: Iterable[int]) -> None:
        """Keep the places of these operations until they come, or build nothing more."""
        with self._moved:
            self._expected |= set(operations)

    def give_up(self, operation: int) -> None:
        """Wait for this operation no longer: it builds nothing more."""
        with self._moved:
            self._expected.discard(operation)
            self._moved.notify_all()

    @contextmanager
    def turn(
        self, owner: str, *, number: int, tell: Callable[[str], None], checkpoint: Callable[[], None]
    ) -> Iterator[None]:
        """Have a place during the block, waiting for it before.

        Args:
            owner: what builds, as others are told: ``shop/production (operation 12)``.
            number: of the operation, or :data:`WORKER`.
            tell: takes what is waited for whenever that changes, and the empty string when it is over.
            checkpoint: called all along; what it raises ends the waiting.
        """
        ticket = _Ticket(owner, number)
        told = ""
        with self._moved:
            self._line.append(ticket)
            self._expected.discard(number)
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
                (self._line if ticket in self._line else self._builders).remove(ticket)
                self._moved.notify_all()

    def _waits(self, ticket: _Ticket) -> str:
        """What a ticket waits for; empty if it is its turn, and then it has its place."""
        with self._moved:
            first = [t.owner for t in self._line if t.number < ticket.number]
            first += [f"operation {number}" for number in sorted(self._expected) if number < ticket.number]
            earlier = self._line[: self._line.index(ticket)]
            first += [t.owner for t in earlier if t.number == ticket.number]
            if len(self._builders) + len(first) < self._slots:
                self._line.remove(ticket)
                self._builders.append(ticket)
                return ""
            ahead = [t.owner for t in self._builders] + first
        before = len(ahead) - self._slots
        behind = f"; {before} wait before it" if before > 1 else "; 1 waits before it" if before else ""
        return f"waits for the build of {', '.join(ahead[: self._slots])}{behind}"


class _Ticket:
    """One who came; compared by identity."""

    def __init__(self, owner: str, number: int) -> None:
        self.owner = owner
        self.number = number
