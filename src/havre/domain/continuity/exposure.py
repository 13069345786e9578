"""What would be lost now, and whether drills are made and go well: measured all the time, without a drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from havre.domain.continuity.objectives import Objectives, shown
from havre.domain.doctor import Level, Verdict

_MOST_NAMED: Final = 5
_GRACE: Final = timedelta(days=3)
"""After a due drill until its lack is told."""
_SENDING: Final = 15.0  # seconds that a segment may be on its way


@dataclass(frozen=True)
class Archiving:
    """How a database's WAL gets away, as the database tells it.

    Attributes:
        age: seconds since a segment got into every repository last; None if none ever did.
        waiting: segments that are complete and not in every repository yet.
        timeout: seconds after which a segment is completed though it is not full, if something was written.
        streamed: seconds since all that was written had also been streamed off-site; None where it was not.
    """

    age: float | None
    waiting: int
    timeout: float
    streamed: float | None = None


def at_risk(archiving: Archiving) -> float | None:
    """Seconds whose changes would be lost with the server now, at most; None if nothing was ever saved.

    Without a segment that waits, whatever was written before the timeout is saved: PostgreSQL would have
    completed a segment for it. So a database at rest has little at risk, however old its newest WAL is. What
    is streamed follows what is archived, so the quicker one of the two counts.
    """
    if archiving.age is None:
        return None
    behind = archiving.age if archiving.waiting else min(archiving.age, archiving.timeout + _SENDING)
    return behind if archiving.streamed is None else min(behind, archiving.streamed)


@dataclass(frozen=True)
class Exposed:
    """A database, and how many seconds of changes are at risk now; None for all of them."""

    name: str
    seconds: float | None
    objectives: Objectives


def risk_verdict(databases: Sequence[Exposed]) -> Verdict:
    """What ``havre doctor`` says about what would be lost now."""
    name = "Recovery point"
    if not databases:
        return Verdict(name, Level.OK, "no database is backed up off-site")
    late = [each for each in databases if each.seconds is None or each.seconds > each.objectives.rpo]
    if late:
        told = [f"{each.name} {_told(each)}" for each in late]
        return Verdict(name, Level.WARNING, _listed(told), "havre backup list tells what WAL waits for")
    worst = max(each.seconds or 0.0 for each in databases)
    return Verdict(name, Level.OK, f"at most {shown(worst)} would be lost with this server now")


def _told(each: Exposed) -> str:
    if each.seconds is None:
        return "would lose everything: nothing of it is off-site"
    return f"would lose {shown(each.seconds)}, the objective (RPO) is {shown(each.objectives.rpo)}"


@dataclass(frozen=True)
class Drilled:
    """An environment in which drills are planned, and its last one.

    Attributes:
        interval: between two that are due.
        since: from when on drills were due: when something was first saved.
        last: when the last one began; None if there was none.
        problem: why that was not good; empty if it was.
    """

    name: str
    interval: timedelta
    since: datetime
    last: datetime | None = None
    problem: str = ""


def drills_verdict(environments: Sequence[Drilled], *, now: datetime) -> Verdict:
    """What ``havre doctor`` says about drills. Times need a zone."""
    name = "Restore drills"
    if not environments:
        return Verdict(name, Level.OK, "none is planned")
    failed = [f"{each.name}: {each.problem}" for each in environments if each.last and each.problem]
    if failed:
        told = f"the last one failed: {_listed(failed)}"
        return Verdict(name, Level.WARNING, told, "havre drill history, then look into it")
    late = [each for each in environments if now - (each.last or each.since) > each.interval + _GRACE]
    if late:
        told = "; ".join(f"{each.name} {_since(each, now)}" for each in late[:_MOST_NAMED])
        return Verdict(name, Level.WARNING, f"too long ago: {told}", "havre drill")
    made = [each for each in environments if each.last]
    if not made:
        return Verdict(name, Level.OK, "the first one is to come; `havre drill` makes it now")
    return Verdict(name, Level.OK, f"the last ones went well: {_listed([each.name for each in made])}")


def _since(each: Drilled, now: datetime) -> str:
    return "was never drilled" if each.last is None else f"{(now - each.last).days} days ago"


def _listed(told: Sequence[str]) -> str:
    more = [f"{len(told) - _MOST_NAMED} more"] if len(told) > _MOST_NAMED else []
    return "; ".join([*told[:_MOST_NAMED], *more])
