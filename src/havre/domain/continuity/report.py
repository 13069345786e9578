"""The continuity report: what is protected, where the copies are, how drills went, and what to look at.

Values only; how they are worded and drawn is the business of who shows them. Times carry a zone, spans are
seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from havre.domain.continuity.watching import STALE

_OLD_DRILL: Final = timedelta(days=32)


@dataclass(frozen=True)
class Copies:
    """What one repository holds of one database.

    Attributes:
        where: ``local`` or ``offsite``.
        count: backups in it.
        newest, oldest: when these were complete.
        verified: when the newest that was read back was; None if none was.
        problem: why it cannot be read, or a backup in it is not good.
    """

    where: str
    count: int
    newest: datetime | None = None
    oldest: datetime | None = None
    verified: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Protected:
    """A database; ``at_risk`` is None where all of it would be lost with the server, or nobody knows."""

    environment: str
    service: str
    copies: tuple[Copies, ...]
    at_risk: float | None
    objective_rpo: float
    problem: str = ""

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.environment} {self.service}"

    def copy(self, where: str) -> Copies | None:
        """What is in one place."""
        return next((each for each in self.copies if each.where == where and each.count), None)


@dataclass(frozen=True)
class Drilled:
    """A drill that is over; ``rto`` and ``rpo`` are None where they were not measured."""

    at: datetime
    environment: str
    repository: str
    is_good: bool
    rto: float | None
    rpo: float | None
    objective_rto: float
    objective_rpo: float
    rows: int | None = None
    checks: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Event:
    """Who did what, and how it ended (an operation's state)."""

    at: datetime
    actor: str
    kind: str
    place: str
    state: str


class Code(StrEnum):
    """What there is to look at."""

    NO_STORAGE = "no_storage"
    NO_KIT = "no_kit"
    NOTHING = "nothing"
    PROBLEM = "problem"
    NO_OFFSITE_COPY = "no_offsite_copy"
    STALE = "stale"
    BAD_COPY = "bad_copy"
    NOT_VERIFIED = "not_verified"
    RPO = "rpo"
    NEVER_DRILLED = "never_drilled"
    DRILL_FAILED = "drill_failed"
    DRILL_OLD = "drill_old"


@dataclass(frozen=True)
class Finding:
    """Something to look at: of what, and its particulars."""

    code: Code
    name: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that the report tells.

    ``kit_stored``: the recovery kit that opens the place elsewhere as it is now is kept away from the server.
    """

    server: str
    made_at: datetime
    storage: str
    databases: tuple[Protected, ...]
    drills: tuple[Drilled, ...]
    events: tuple[Event, ...]
    kit_stored: bool = True

    @property
    def latest(self) -> tuple[Drilled, ...]:
        """The newest drill of each environment."""
        newest: dict[str, Drilled] = {}
        for each in sorted(self.drills, key=lambda drill: drill.at):
            newest[each.environment] = each
        return tuple(newest.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What there is to look at, the worst first; nothing if all is well."""
        if not self.databases:
            return (Finding(Code.NOTHING),)
        found = [] if self.storage else [Finding(Code.NO_STORAGE)]
        if self.storage and not self.kit_stored:
            found.append(Finding(Code.NO_KIT))
        for each in self.databases:
            found += _of_database(each, self.made_at, has_storage=bool(self.storage))
        drilled = {each.environment: each for each in self.latest}
        for name in dict.fromkeys(each.environment for each in self.databases):
            found += _of_drill(name, drilled.get(name), self.made_at)
        return tuple(found)


def _of_database(each: Protected, now: datetime, *, has_storage: bool) -> list[Finding]:
    found = [Finding(Code.PROBLEM, each.name, each.problem)] if each.problem else []
    if each.problem and not each.copies:
        return found  # nothing is known of them, which is not that there are none
    elsewhere = each.copy("offsite")
    if has_storage and elsewhere is None:
        found.append(Finding(Code.NO_OFFSITE_COPY, each.name))
    found += [Finding(Code.BAD_COPY, each.name, copy.problem) for copy in each.copies if copy.problem]
    if elsewhere and elsewhere.newest and now - elsewhere.newest > STALE:
        found.append(Finding(Code.STALE, each.name, str((now - elsewhere.newest).days)))
    if elsewhere and elsewhere.verified is None:
        found.append(Finding(Code.NOT_VERIFIED, each.name))
    if each.at_risk is not None and each.at_risk > each.objective_rpo:
        found.append(Finding(Code.RPO, each.name))
    return found


def _of_drill(name: str, last: Drilled | None, now: datetime) -> list[Finding]:
    if last is None:
        return [Finding(Code.NEVER_DRILLED, name)]
    if not last.is_good:
        return [Finding(Code.DRILL_FAILED, name, last.problem)]
    if now - last.at > _OLD_DRILL:
        return [Finding(Code.DRILL_OLD, name, str((now - last.at).days))]
    return []


# The plot


@dataclass(frozen=True)
class Mark:
    """A drill in the plot: where it is, as shares of width and height, and what it was."""

    x: float
    height: float
    drill: Drilled


@dataclass(frozen=True)
class Plot:
    """Drills as columns over time, one measured span each; shares of 1 from the lower left corner.

    Attributes:
        top: seconds at the upper edge.
        ticks: seconds that a line is drawn at.
        objective: the share of the height at which the newest objective is; None if it is above the edge.
    """

    marks: tuple[Mark, ...]
    top: float
    ticks: tuple[float, ...]
    objective: float | None


_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_MOST_TICKS: Final = 4


def plot(drills: Sequence[Drilled]) -> Plot:
    """The recovery times of drills as a plot; one that measured none is a mark without height.

    The objective is often far above what was measured; then it is only named, for drawn to its scale nothing
    else could be seen.
    """
    ordered = sorted(drills, key=lambda drill: drill.at)
    highest = max([each.rto for each in ordered if each.rto is not None], default=1.0)
    step = next((step for step in _STEPS if highest / step <= _MOST_TICKS), _STEPS[-1])
    top = step * max(1, -(-highest // step))
    share = ordered[-1].objective_rto / top if ordered else None
    width = 1 / max(len(ordered), 1)
    marks = [
        Mark((number + 0.5) * width, (each.rto or 0.0) / top, each) for number, each in enumerate(ordered)
    ]
    ticks = [step * number for number in range(int(top // step) + 1)]
    return Plot(tuple(marks), top, tuple(ticks), share if share is not None and share <= 1 else None)
