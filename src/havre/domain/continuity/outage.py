"""When a storage that died in the middle of something is given up.

pgBackRest (2.55) tries on for a quarter of an hour and more, whatever its timeouts are, for each file anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 60.0
"""Seconds without an answer: a storage may be started anew in less."""


@dataclass
class Outage:
    """What was seen of a storage, in seconds of a steady clock.

    Attributes:
        patience: seconds without an answer after which it is given up.
        answered: when it did last.
    """

    patience: float
    answered: float | None = None

    def is_over_long(self, *, answers: bool, now: float) -> bool:
        """Whether it has not answered for too long.

        One that never answered says nothing: perhaps only the container reaches it.

        Args:
            answers: whether it does now.
            now: the moment.
        """
        if answers:
            self.answered = now
        return self.answered is not None and now - self.answered > self.patience
