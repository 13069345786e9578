"""Time between two moments, also when somebody set the clock in between.

The clock of the wall may be set, forward and back: by a time service that corrects it, by a person, by a
machine that wakes up. The steady one only goes forward, and every process of a machine reads the same; but
it begins anew with each boot. So a moment that is stored holds both, and which boot it was in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

_SET: Final = 1.0
"""Seconds by which both clocks may drift apart unless one was set; time services correct less slowly."""


@dataclass(frozen=True)
class Moment:
    """A moment on one machine.

    Attributes:
        wall: seconds of the epoch.
        steady: seconds of the clock that cannot be set.
        boot: names the machine's start that ``steady`` counts from.
    """

    wall: float
    steady: float
    boot: str

    @classmethod
    def stored(cls, facts: Mapping[str, Any] | None) -> Moment | None:
        """The moment of :meth:`facts`; None if there is none."""
        return cls(**facts) if facts else None

    def facts(self) -> dict[str, Any]:
        """As JSON, for the records."""
        return asdict(self)


def seconds_between(since: Moment, now: Moment) -> float:
    """Seconds between two moments, never below 0.

    Of one boot it is what the steady clock says. Else only the wall's is left, which may be wrong.
    """
    spent = now.steady - since.steady if since.boot == now.boot else now.wall - since.wall
    return max(0.0, spent)


def was_set(since: Moment, now: Moment) -> bool:
    """Whether times that were written meanwhile may be in a wrong order: the clock was set, or may have been.

    Across a boot nobody knows, so then it counts as set.
    """
    if since.boot != now.boot:
        return True
    return abs((now.wall - since.wall) - (now.steady - since.steady)) > _SET
