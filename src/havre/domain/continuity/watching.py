"""What deserves attention about the backups of one database.

It is looked at every few seconds, whether or not anything ran: that nothing ran is what it has to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, Final

from havre.domain.continuity.stream import Streaming
from havre.domain.schedule import Schedule

LATE: Final = 30.0
"""Seconds that a segment of WAL may wait for a repository: it takes one, if all is well."""
STALE: Final = timedelta(hours=50)
"""By default backups are made daily; one may fail, two in a row may not."""
_SPAN: Final = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC))
"""Five weeks, in which every weekly schedule shows its longest pause."""
_SLACK: Final = timedelta(hours=2)
ASKED: Final = frozenset({"archive", "database", "stream"})
"""Kinds of problems that only the database itself can tell."""
_ARCHIVE: Final = frozenset({"archive", "database"})
"""Of these, those with which a backup does not lead to the present moment."""


@cache
def patience(*schedules: Schedule) -> timedelta:
    """How old the newest backup may be that is made by any of some schedules: one may fail, two may not."""
    due = sorted({moment for each in schedules for moment in each.between(*_SPAN)})
    if len(due) <= 1:  # monthly or less often
        due = sorted(
            moment
            for each in schedules
            if (first := each.after(_SPAN[0])) and (second := each.after(first))
            for moment in (first, second)
        )
    pauses = [later - earlier for earlier, later in pairwise(due)]
    return 2 * max(pauses, default=STALE) + _SLACK


@dataclass(frozen=True)
class Planned:
    """How something stands that is done by schedule: dumps of a database, reading back.

    Attributes:
        failed: what the newest attempt failed with; empty if it did not.
        last: when it was last done well; off-site where there is a storage.
        patience: how long ago that may be.
    """

    failed: str
    last: datetime | None
    patience: timedelta


@dataclass(frozen=True)
class Seen:
    """One look at a database.

    Attributes:
        waiting: segments of WAL that wait for a repository.
        seconds: for how long the first of them has waited.
        streaming: what the stream says of itself; None where nothing is streamed.
        causes: why, as far as it is known.
        foreign: why it is not the database that is saved; empty if it is.
        failed: what the newest backup failed with; empty if it succeeded or there was none.
        local: when the newest good backup on this server was complete.
        offsite: the same of the one elsewhere.
        since: since when every release backs it up: before that there may have been no backups.
        has_storage: whether there is an off-site storage.
        dump: how its dumps stand; None where none are made by schedule.
        patience: how old the newest good backup may be, see :func:`patience`.
    """

    waiting: int = 0
    seconds: float = 0.0
    streaming: Streaming | None = None
    causes: tuple[str, ...] = ()
    foreign: str = ""
    failed: str = ""
    local: datetime | None = None
    offsite: datetime | None = None
    since: datetime | None = None
    has_storage: bool = False
    dump: Planned | None = None
    patience: timedelta = STALE


def problems(seen: Seen, now: datetime) -> dict[str, str]:
    """What is wrong, by kind; each becomes an alert."""
    found = {}
    if seen.foreign:
        found["database"] = seen.foreign
    elif seen.seconds > LATE:
        why = f" ({'; '.join(dict.fromkeys(seen.causes))})" if seen.causes else ""
        found["archive"] = (
            f"WAL is not archived{why}: {seen.waiting} segments wait, the first one for {seen.seconds:.0f} s;"
            " a loss of this server would lose what was written since"
        )
    if seen.streaming and seen.streaming.trouble and not seen.foreign:
        found["stream"] = seen.streaming.trouble
    if seen.failed:
        found["backup"] = f"the newest backup failed: {seen.failed}"
    for kind, last in (("local", seen.local), ("offsite", seen.offsite)):
        newest = max(filter(None, (last, seen.since)), default=None)
        if (kind == "local" or seen.has_storage) and newest is not None and now - newest > seen.patience:
            told = f"for {(now - last) // timedelta(hours=1)} hours" if last else "at all"
            found[f"stale {kind}"] = f"there was no good {kind} backup {told}"
    if seen.dump is not None:
        found |= _late(seen.dump, seen.since, now, "dump", "dumping the database")
    return found


def _late(seen: Planned, since: datetime | None, now: datetime, kind: str, what: str) -> dict[str, str]:
    """What is wrong with something that is done by schedule: it failed, or was not done well for too long."""
    found = {}
    if seen.failed:
        found[kind] = f"{what} failed: {seen.failed}"
    newest = max(filter(None, (seen.last, since)), default=None)
    if newest is not None and now - newest > seen.patience:
        told = f"for {(now - seen.last) // timedelta(hours=1)} hours" if seen.last else "at all"
        found[f"stale {kind}"] = f"{what} was not done {told}"
    return found


@dataclass(frozen=True)
class SeenFiles:
    """One look at what an environment is beside its databases: images, volumes, state.

    Attributes:
        failed: what the newest save failed with; empty if it succeeded or there was none.
        offsite: when it was last complete off-site.
        since: since when it should be: it was deployed, and there was an off-site storage.
        read_back: how reading back all that is saved stands; None where that is not done by schedule.
        doubt: why the date is not believed, so that nothing old is removed; empty if it is.
    """

    failed: str = ""
    offsite: datetime | None = None
    since: datetime | None = None
    read_back: Planned | None = None
    doubt: str = ""


def problems_of_files(seen: SeenFiles, now: datetime) -> dict[str, str]:
    """What is wrong with the copies of what is no database, by kind."""
    found = {"clock": seen.doubt} if seen.doubt else {}
    if seen.failed:
        found["save"] = f"saving images, volumes and state failed: {seen.failed}"
    newest = max(filter(None, (seen.offsite, seen.since)), default=None)
    if seen.since is not None and newest is not None and now - newest > STALE:
        told = f"for {(now - seen.offsite) // timedelta(hours=1)} hours" if seen.offsite else "at all"
        found["stale save"] = f"images, volumes and state were not saved off-site {told}"
    if seen.read_back is not None:
        found |= _late(seen.read_back, seen.since, now, "verify", "reading back what is saved")
    return found


@dataclass(frozen=True)
class Watch:
    """What is remembered between two looks.

    Attributes:
        problems: what is wrong now, by kind.
        late: whether WAL waited too long when it was last looked at.
    """

    problems: Mapping[str, str] = field(default_factory=dict)
    late: bool = False

    @staticmethod
    def stored(data: Mapping[str, Any]) -> Watch:
        """From JSON."""
        return Watch(dict(data.get("problems") or {}), bool(data.get("late")))

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"problems": dict(self.problems), "late": self.late}


def wants_backup(before: Watch, found: Mapping[str, str]) -> bool:
    """Whether the archive goes on after WAL had waited: what comes of it is known when a backup was made."""
    return before.late and not _ARCHIVE & found.keys()
