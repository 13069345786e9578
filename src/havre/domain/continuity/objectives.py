"""Objectives of recovery, and what was measured held against them.

RTO is the time until what was lost serves again, RPO the time whose changes are lost. Both are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Objectives:
    """What is aimed at."""

    rto: float = 4 * 3600.0
    rpo: float = 3600.0

    def as_data(self) -> dict[str, float]:
        """As JSON."""
        return {"rto": self.rto, "rpo": self.rpo}


@dataclass(frozen=True)
class Loss:
    """What a restore would lose, or lost.

    Attributes:
        seconds: the RPO; None where nothing is known.
        transactions: begun after the moment of the restore; 0 is no loss whatever the clock says.
    """

    seconds: float | None
    transactions: int | None = None


def loss(
    *,
    now: datetime,
    last_commit: datetime | None,
    next_here: int | None,
    next_there: int,
    committed_since: int = 0,
    is_equal: bool = False,
) -> Loss:
    """What is lost if a database goes on from a restored copy.

    A copy numbers its transactions as the original does, so the numbers say whether something was written
    after its moment: a database at rest loses nothing, however long ago its last commit was. PostgreSQL's own
    housekeeping takes numbers too, so a copy with the very same rows has lost nothing either.

    Args:
        now: when it was lost.
        last_commit: the newest one that the copy has; None if it has none since its backup.
        next_here: the number that the original's next transaction had then; None if it could not be asked.
        next_there: the number that the copy's next transaction gets.
        committed_since: transactions that the copy has seen begin, and the original commit later.
        is_equal: whether both were found to hold the same rows, later than that.
    """
    begun = None if next_here is None else max(0, next_here - next_there) + committed_since
    if begun == 0 or is_equal:
        return Loss(0.0, begun)
    since = None if last_commit is None else max(0.0, (now - last_commit).total_seconds())
    return Loss(since, begun)


def missed(objectives: Objectives, *, rto: float | None, losses: dict[str, float | None]) -> list[str]:
    """Which objectives were not met, in sentences; what was not measured is not judged."""
    told = []
    if rto is not None and rto > objectives.rto:
        told.append(f"it took {shown(rto)}, the objective (RTO) is {shown(objectives.rto)}")
    for name, seconds in losses.items():
        if seconds is not None and seconds > objectives.rpo:
            told.append(f"{name} would lose {shown(seconds)}, the objective (RPO) is {shown(objectives.rpo)}")
    return told


def shown(seconds: float) -> str:
    """A span of time in two units at most: ``0.4 s``, ``2 min 5 s``, ``3 h 20 min``, ``2 d 4 h``."""
    if seconds < 10:  # noqa: PLR2004 - tenths matter below
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, below, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def as_objectives(data: dict[str, Any]) -> Objectives:
    """From :meth:`Objectives.as_data`."""
    return Objectives(float(data["rto"]), float(data["rpo"]))
