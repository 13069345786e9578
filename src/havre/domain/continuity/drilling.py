"""Restore drills: what the copy may take, what has to be equal, and what the outcome is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from havre.errors import BackupError

_MIB: Final = 1024**2
_LEAST_CPUS: Final = 0.5
_USUAL_MEMORY: Final = 512 * _MIB
_LEAST_MEMORY: Final = 64 * _MIB
_ROOM: Final = 256 * _MIB
_ROOM_FOR_WAL: Final = 1_000_000_000  # bytes, beside a tenth of the database
_MOST_TOLD: Final = 5


# What the copy may take


@dataclass(frozen=True)
class Share:
    """Processors and bytes of memory of one container of a copy."""

    cpus: float
    memory: int


def share(cores: int, *, cpus: float | None, memory: int | None) -> Share:
    """What one container of a copy may take: what its service may, but half of the processors at most.

    Its processors' time has an eighth of the usual weight too, so that what serves comes first.

    Args:
        cores: of the machine.
        cpus: the service's limit.
        memory: likewise, in bytes.
    """
    most = max(_LEAST_CPUS, cores / 2)
    return Share(min(cpus or most, most), max(memory or _USUAL_MEMORY, _LEAST_MEMORY))


def require_memory(shares: Iterable[Share], available: int) -> None:
    """Refuse to take the memory that what serves may need.

    Raises:
        BackupError: the copy would need more than there is.
    """
    needed = sum(each.memory for each in shares) + _ROOM
    if needed > available:
        raise BackupError(
            f"the copy may need {needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free",
            hint="give the services lower limits (resources.limits.memory), or the server more memory",
            retryable=True,
        )


def require_disk(size: int, free: int) -> None:
    """Refuse to fill the disk that production writes on.

    Args:
        size: bytes of the database when it was backed up.
        free: bytes that are free where the copy is made.

    Raises:
        BackupError: there is too little.
    """
    needed = size + size // 10 + _ROOM_FOR_WAL
    if needed > free:
        raise BackupError(
            f"the copy needs {needed / 1e9:.1f} GB of the disk, {free / 1e9:.1f} GB are free",
            hint="make room: `havre images prune`, `havre restore --confirm`",
        )


# What was recovered


@dataclass(frozen=True)
class Recovered:
    """Where a copy came to, as ``havre-drill`` tells it.

    Attributes:
        next_xid: number of its next transaction.
        last_commit: time of the newest transaction that was replayed; None if there was none.
        timeline: the one it is on.
        uncommitted: those of its last transactions that did not commit in it.
    """

    next_xid: int
    last_commit: datetime | None
    timeline: int
    uncommitted: tuple[int, ...] = ()

    @staticmethod
    def stored(data: Mapping[str, Any]) -> Recovered:
        """From JSON."""
        last = data["last_commit"]
        return Recovered(
            data["next_xid"],
            datetime.fromisoformat(last) if last else None,
            data["timeline"],
            tuple(data["uncommitted"]),
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "next_xid": self.next_xid,
            "last_commit": self.last_commit.isoformat() if self.last_commit else None,
            "timeline": self.timeline,
            "uncommitted": list(self.uncommitted),
        }


def recovered(text: str) -> Recovered:
    """What is told in lines such as ``next_xid=812``.

    Raises:
        BackupError: it is something else.
    """
    facts = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    try:
        last = facts["last_commit"]
        return Recovered(
            next_xid=int(facts["next_xid"]),
            last_commit=datetime.fromisoformat(last) if last else None,
            timeline=int(facts["timeline"]),
            uncommitted=tuple(int(each) for each in facts["uncommitted"].split(",") if each),
        )
    except (KeyError, ValueError) as error:
        raise BackupError("the copy did not tell what it recovered", detail=text[:500]) from error


# Comparing tables


@dataclass(frozen=True)
class Counted:
    """Rows of one table.

    Attributes:
        copy: in the copy; None if it does not have the table.
        kept: of the original, those that were written before the copy's moment and not changed since.
        newer: of the original, those that were written after it.
    """

    table: str
    copy: int | None
    kept: int
    newer: int


@dataclass(frozen=True)
class Comparison:
    """Whether a copy has what the original had at its moment.

    Attributes:
        is_equal: both have the same rows: none was written, changed or deleted since.
        tables: how many were compared.
        rows: rows of the copy in them.
        changed: rows of the copy that the original has changed or deleted since.
        newer: rows that were written in the original since.
        problems: in sentences.
        skipped: tables that could not be counted, and why.
    """

    is_equal: bool
    tables: int
    rows: int
    changed: int
    newer: int
    problems: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def told(self) -> str:
        """What was compared, in a sentence."""
        what = f"{self.rows:,} rows in {self.tables} table{'' if self.tables == 1 else 's'}"
        if self.is_equal:
            return f"{what}: equal to the original"
        return (
            f"{what}: all that the original had at that moment and still has; since then it wrote"
            f" {self.newer:,} rows, and changed or deleted {self.changed:,}"
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "equal": self.is_equal,
            "tables": self.tables,
            "rows": self.rows,
            "changed_since": self.changed,
            "newer": self.newer,
            "problems": list(self.problems),
            "skipped": [list(each) for each in self.skipped],
        }


def compare(
    counts: Sequence[Counted], *, at_rest: bool, skipped: Sequence[tuple[str, str]] = ()
) -> Comparison:
    """Judge the rows of a copy.

    A row of the original that is older than the copy's moment has to be in the copy, for nothing takes it
    out of it. So the copy never has fewer than those; it has more by what was changed or deleted since.

    Args:
        counts: of each table.
        at_rest: whether the original has begun no transaction since; then nothing can have been changed.
        skipped: tables that were not counted, and why.
    """
    problems, changed = [], 0
    for each in counts:
        if each.copy is None:
            problems.append(f"the table {each.table} is not in the copy")
            continue
        more = each.copy - each.kept
        if more < 0 or (at_rest and more):
            problems.append(
                f"{each.table} has {each.copy:,} rows in the copy, the original {each.kept:,} of that moment"
            )
        changed += max(0, more)
    newer = sum(each.newer for each in counts)
    return Comparison(
        is_equal=not (problems or changed or newer or skipped),
        tables=len(counts),
        rows=sum(each.copy or 0 for each in counts),
        changed=changed,
        newer=newer,
        problems=tuple(problems),
        skipped=tuple(skipped),
    )


# Checks of the manifest


@dataclass(frozen=True)
class Outcome:
    """How one check went; ``problem`` is empty if well."""

    check: str
    problem: str = ""

    def as_data(self) -> dict[str, str]:
        """As JSON."""
        return {"check": self.check, "problem": self.problem}


def judge_sql(sql: str, answer: str, error: str = "") -> Outcome:
    """An assertion is good when its only answer is true.

    Args:
        sql: the statement.
        answer: what psql printed, unaligned and without headings.
        error: what went wrong instead.
    """
    said = answer.strip()
    problem = error.strip() if error else "" if said == "t" else f"it answered {_short(said) or 'nothing'}"
    return Outcome(sql, _short(problem))


@dataclass(frozen=True)
class Page:
    """What a service answered to an HTTP request, or why it did not."""

    status: int
    text: str = ""
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is what a health check wants."""
        return 200 <= self.status < 400  # noqa: PLR2004 - as everywhere in Havre


_NO_ANSWER: Final = 599


def page(told: str) -> Page:
    """What ``havre-ask`` wrote: the status, a line feed, and what was answered."""
    first, _, rest = told.partition("\n")
    if not first.isdigit():
        return Page(0, problem="it was not asked")
    return Page(0, problem=_short(rest)) if int(first) == _NO_ANSWER else Page(int(first), rest)


def judge_page(check: str, found: Page, *, wanted: int, contains: str | None) -> Outcome:
    """A page is good when it has the status, and holds the text."""
    if found.problem:
        return Outcome(check, _short(found.problem))
    if found.status != wanted:
        return Outcome(check, f"it answered {found.status}, not {wanted}")
    if contains and contains not in found.text:
        return Outcome(check, f"the answer does not hold {_short(contains)!r}")
    return Outcome(check)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"  # noqa: PLR2004 - characters of a line


# The verdict


@dataclass(frozen=True)
class Found:
    """Everything that a drill found wrong.

    Attributes:
        unhealthy: why the release did not become healthy.
        volumes: when what was restored of each was saved; None if it never was.
        checks: of the manifest.
        rows: what comparisons found, by database.
        dumps: why the newest dump of a database did not come back, by database; empty if it did.
        missed: objectives.
    """

    unhealthy: str = ""
    volumes: Mapping[str, str | None] = field(default_factory=dict)
    checks: Sequence[Outcome] = ()
    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dumps: Mapping[str, str] = field(default_factory=dict)
    missed: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """In sentences, the worst first."""
        healthy = (
            [f"the release did not become healthy on the copy: {self.unhealthy}"] if self.unhealthy else []
        )
        unsaved = [f"the volume {name} was never saved" for name, at in self.volumes.items() if at is None]
        rows = [f"{name}: {told}" for name, problems in self.rows.items() for told in problems]
        checks = [f"check {each.check}: {each.problem}" for each in self.checks if each.problem]
        dumps = [f"the dump of {name} did not come back: {told}" for name, told in self.dumps.items() if told]
        return [*healthy, *unsaved, *rows, *dumps, *checks, *self.missed]


def summary(problems: Sequence[str]) -> str:
    """Problems as one message."""
    more = [f"{len(problems) - _MOST_TOLD} more"] if len(problems) > _MOST_TOLD else []
    return "; ".join([*problems[:_MOST_TOLD], *more])
