"""Whether databases are saved as they should be: what ``havre doctor`` says about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from havre.domain.continuity.watching import STALE
from havre.domain.doctor import Level, Verdict

_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Protected:
    """A database of a live release, and when its last good backups were complete.

    ``is_on``: unless the manifest switches its backups off. ``uses_storage``: whether the live release
    knows the off-site storage as it is set now.
    """

    name: str
    is_on: bool
    local: datetime | None = None
    offsite: datetime | None = None
    uses_storage: bool = False
    problems: tuple[str, ...] = ()
    """What the worker saw when it last looked."""
    patience: timedelta = STALE
    """How old the newest good backup may be."""

    def is_stale(self, last: datetime | None, now: datetime) -> bool:
        """Whether a backup is too old to be the newest one, or there is none."""
        return last is None or now - last > self.patience


def verdict(databases: Sequence[Protected], *, has_storage: bool, now: datetime) -> Verdict:
    """The verdict. Times need a zone."""
    name = "Backups"
    on = [each for each in databases if each.is_on]
    if not on:
        return Verdict(name, Level.OK, "no database is to be backed up")
    seen_now = [f"{each.name}: {problem}" for each in on for problem in each.problems]
    if seen_now:
        told = "; ".join(seen_now[:_MOST_NAMED])
        return Verdict(name, Level.WARNING, told, "havre backup list, havre operations list")
    if not has_storage:
        seen = f"NO OFF-SITE STORAGE: if this server is lost, so is the data of {_names(on)}"
        return Verdict(name, Level.WARNING, seen, "havre backup storage set")
    late = [each for each in on if each.is_stale(each.local, now) or each.is_stale(each.offsite, now)]
    unused = [each for each in late if not each.uses_storage]
    if unused:
        seen = f"the off-site storage is not used yet by {_names(unused)}"
        return Verdict(name, Level.WARNING, seen, "havre restart, in each environment")
    if late:
        told = "; ".join(f"{each.name}: {_last(each, now)}" for each in late[:_MOST_NAMED])
        return Verdict(name, Level.WARNING, f"no good backup for too long: {told}", "havre backup now")
    return Verdict(name, Level.OK, f"saved here and off-site: {_names(on)}")


@dataclass(frozen=True)
class Returnable:
    """An environment, when it was last saved off-site beside its databases, and why not since."""

    name: str
    saved: datetime | None = None
    problem: str = ""


def rebuild_verdict(
    environments: Sequence[Returnable], *, has_storage: bool, is_kit_stored: bool, now: datetime
) -> Verdict:
    """Whether this server could come back elsewhere: everything saved, and the kit where it survives.

    Times need a zone.
    """
    name = "Rebuild"
    if not environments:
        return Verdict(name, Level.OK, "nothing is deployed that could be lost")
    if not has_storage:
        return Verdict(
            name,
            Level.WARNING,
            "a lost server could not be rebuilt: NO OFF-SITE STORAGE",
            "havre backup storage set",
        )
    if not is_kit_stored:
        seen = "THE RECOVERY KIT IS NOT STORED: without it nobody can open what is saved"
        return Verdict(name, Level.WARNING, seen, "havre recovery-kit, on this server as root")
    late = [each for each in environments if _is_stale(each.saved, now)]
    if late:
        told = "; ".join(
            f"{each.name}: {f'last {_hours(each.saved, now)}' if each.saved else 'never'}"
            + (f" ({each.problem})" if each.problem else "")
            for each in late[:_MOST_NAMED]
        )
        return Verdict(name, Level.WARNING, f"not saved for two days: {told}", "havre backup now")
    failing = [each for each in environments if each.problem]
    if failing:
        told = "; ".join(f"{each.name}: {each.problem}" for each in failing[:_MOST_NAMED])
        return Verdict(name, Level.WARNING, f"saving or reading back failed: {told}", "havre operations list")
    return Verdict(name, Level.OK, "state, images and volumes are saved; the recovery kit is stored")


def _hours(last: datetime, now: datetime) -> str:
    return f"{(now - last) // timedelta(hours=1)} hours ago"


def _is_stale(last: datetime | None, now: datetime) -> bool:
    return last is None or now - last > STALE


def _last(each: Protected, now: datetime) -> str:
    def told(last: datetime | None) -> str:
        return "never" if last is None else f"{(now - last) // timedelta(hours=1)} hours ago"

    return f"local {told(each.local)}, off-site {told(each.offsite)}"


def _names(databases: Sequence[Protected]) -> str:
    named = [each.name for each in databases[:_MOST_NAMED]]
    more = [f"{len(databases) - _MOST_NAMED} more"] if len(databases) > _MOST_NAMED else []
    return ", ".join(named + more)
