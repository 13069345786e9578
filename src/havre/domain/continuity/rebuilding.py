"""A rebuild in figures and words: its steps with their durations, what was lost, where names have to lead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from havre.domain.times import shown

_LAST: Final = re.compile(r"havre-restore: newest commit (\d{4}-\d\d-\d\dT\S+Z)")


def newest_commit(log: Iterable[str]) -> datetime | None:
    """When the last transaction that a restore replayed was committed, as its job tells it.

    ``None``: none was found after the copy it began with.
    """
    found = [match.group(1) for line in log if (match := _LAST.search(line))]
    return datetime.fromisoformat(found[-1]) if found else None


@dataclass(frozen=True)
class Served:
    """A release that serves or served: its number, and the major version of each of its databases."""

    number: int
    versions: Mapping[str, int]

    def unfit(self, live: Served) -> tuple[str, ...]:
        """The databases whose data, as the live release left them, it cannot read."""
        both = sorted(self.versions.keys() & live.versions.keys())
        return tuple(name for name in both if self.versions[name] != live.versions[name])


def next_best(live: Served, whole: Iterable[Served]) -> int | None:
    """The release to return to where the live one was lost before it was saved; ``None`` if there is none.

    Args:
        live: that one; its data come back.
        whole: the releases that served and whose images are all there.
    """
    fitting = (each.number for each in whole if each.number < live.number and not each.unfit(live))
    return max(fitting, default=None)


def why_none(live: Served, whole: Iterable[Served]) -> str:
    """Why none of the releases that are whole can take its place; empty if there are none."""
    told = [
        f"release {each.number} is there, but runs {name} as PostgreSQL {each.versions[name]},"
        f" and its data are of {live.versions[name]}"
        for each in sorted(whole, key=lambda each: -each.number)
        if each.number < live.number
        for name in each.unfit(live)
    ]
    return told[0] if told else ""


def newer_data(changed: Iterable[int]) -> str:
    """What to know where an older release serves newer data; empty if nothing changed them on purpose.

    Args:
        changed: numbers of the later releases whose release command ran on the data.
    """
    numbers = [str(number) for number in sorted(changed)]
    if not numbers:
        return ""
    which = f"{'releases' if len(numbers) > 1 else 'release'} {', '.join(numbers)}"
    return f"its code is older than the data, which the release command of {which} changed"


@dataclass(frozen=True)
class Timed:
    """A step of a rebuild: what, of which environment (empty: of the server), how long, in seconds."""

    what: str
    environment: str
    seconds: float
    told: str = ""

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "step": self.what,
            "environment": self.environment,
            "seconds": round(self.seconds, 1),
            "told": self.told,
        }


@dataclass(frozen=True)
class Recovered:
    """A database that was restored, and the newest commit in it."""

    name: str
    commit: datetime | None

    def loss(self, lost_at: datetime | None) -> timedelta | None:
        """Time of which nothing came back; None if one of the moments is not known."""
        if lost_at is None or self.commit is None:
            return None
        return max(lost_at - self.commit, timedelta())


@dataclass(frozen=True)
class Older:
    """An environment that came back with an older release: the live one was lost before it was saved."""

    environment: str
    release: int
    lost: int
    newer: str = ""
    """What :func:`newer_data` says."""

    def __str__(self) -> str:
        newer = f" ({self.newer})" if self.newer else ""
        return (
            f"{self.environment}: RELEASE {self.lost} IS LOST, for it was not saved yet;"
            f" release {self.release} serves{newer}. Deploy again: havre deploy"
        )


@dataclass(frozen=True)
class Outcome:
    """A whole rebuild.

    Attributes:
        steps: in their order.
        databases: those that were restored.
        seconds: from its beginning to the last health check.
        lost_at: when the server was lost, if somebody said it.
        older: environments that did not come back with the release that was live.
    """

    steps: Sequence[Timed]
    databases: Sequence[Recovered]
    seconds: float
    lost_at: datetime | None = None
    older: Sequence[Older] = ()

    @property
    def loss(self) -> timedelta | None:
        """The longest of any database; None if it is not known of one."""
        found = [database.loss(self.lost_at) for database in self.databases]
        known = [each for each in found if each is not None]
        return max(known) if known and len(known) == len(found) else None

    def summary(self) -> list[str]:
        """The measured RTO and loss, in sentences."""
        lines = [str(each) for each in self.older]
        lines.append(f"measured RTO: {_lasting(timedelta(seconds=self.seconds))}")
        for database in self.databases:
            if database.commit is None:
                lines.append(f"{database.name}: no commit after its last copy was found")
                continue
            told = f"{database.name}: newest recovered commit {shown(database.commit)}"
            loss = database.loss(self.lost_at)
            lines.append(told if loss is None else f"{told}, lost: {_lasting(loss)}")
        if self.loss is not None:
            lines.append(f"measured data loss: {_lasting(self.loss)}")
        elif self.databases:
            lines.append("measured data loss: unknown without the moment of the loss (--lost-at)")
        return lines


def _lasting(span: timedelta) -> str:
    seconds = span.total_seconds()
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 100 else f"{minutes} min {rest:02d} s"  # noqa: PLR2004 - reads well


@dataclass(frozen=True)
class NameChange:
    """A host name, and the address that it has to lead to."""

    host: str
    address: str

    @property
    def kind(self) -> str:
        """Of its record."""
        return "AAAA" if ":" in self.address else "A"

    def __str__(self) -> str:
        return f"{self.host}. {self.kind} {self.address}"


class NameProvider(Protocol):
    """Who changes records of names by itself; there is none yet, so a person does what the plan says."""

    def change(self, changes: Sequence[NameChange]) -> None:
        """Have names lead to their new addresses."""


def name_changes(hosts: Iterable[str], address: str) -> tuple[NameChange, ...]:
    """What has to be changed so that requests reach a new server; names of one machine alone are left out."""
    wanted = {host for host in hosts if host != "localhost" and not host.endswith((".localhost", ".local"))}
    return tuple(NameChange(host, address) for host in sorted(wanted))
