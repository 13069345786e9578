"""What pgBackRest says it has: ``pgbackrest info --output=json`` as values.

Format: https://pgbackrest.org/command.html#command-info; sizes are bytes, times seconds of the epoch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from havre.domain.continuity.repositories import STANZA, Repository

ANNOTATION: Final = "havre-operation"
_GOOD: Final = 0


def copying(repository: Repository, kind: str, operation: int, *, removes_old: bool) -> list[str]:
    """The command that makes a backup.

    Args:
        repository: where.
        kind: ``full`` or ``incr``.
        operation: the number by which it is found again.
        removes_old: whether what is older than wanted goes afterwards; that is judged by the date.
    """
    return [
        "pgbackrest",
        f"--stanza={STANZA}",
        f"--repo={repository.key}",
        f"--type={kind}",
        f"--annotation={ANNOTATION}={operation}",
        "--log-level-console=info",
        *(() if removes_old else ("--no-expire-auto",)),
        "backup",
    ]


@dataclass(frozen=True)
class BackupSet:
    """One backup in one repository.

    Attributes:
        label: pgBackRest's name of it; it ends in F for full, D or I.
        kind: ``full``, ``diff`` or ``incr``.
        size: bytes of the database then.
        stored: bytes that it added to the repository.
        lsn_stop: from where on, in the WAL, it can be restored to.
        wal_start: the first segment of WAL that it needs.
        operation: the number of the operation that made it, if Havre did.
        has_errors: whether pages with wrong checksums were seen.
        version: the major version of PostgreSQL; None where that was not told.
    """

    repository: Repository
    label: str
    kind: str
    started: datetime
    stopped: datetime
    size: int
    stored: int
    lsn_start: str
    lsn_stop: str
    wal_start: str
    wal_stop: str
    database: int = 1
    operation: int | None = None
    has_errors: bool = False
    version: int | None = None

    @property
    def timeline(self) -> int:
        """The timeline that it was made on."""
        return int(self.wal_stop[:8], 16) if self.wal_stop else 1


@dataclass(frozen=True)
class Archive:
    """The WAL of one cluster in one repository: its first and its last segment."""

    repository: Repository
    first: str
    last: str
    database: int = 1


@dataclass(frozen=True)
class Info:
    """What both repositories hold. ``problems``: why one could not be read."""

    backups: tuple[BackupSet, ...] = ()
    archives: tuple[Archive, ...] = ()
    problems: tuple[tuple[Repository, str], ...] = ()
    is_busy: bool = False
    progress: tuple[int, int] | None = None
    """Bytes done and bytes in all of a backup that runs."""

    def of(self, repository: Repository) -> tuple[BackupSet, ...]:
        """The backups in one repository, the oldest first."""
        return tuple(each for each in self.backups if each.repository is repository)

    def of_version(self, version: int | None) -> Info:
        """The same without backups of another major version, which only that one can read."""
        fitting = (
            each for each in self.backups if None in {version, each.version} or each.version == version
        )
        return replace(self, backups=tuple(fitting))

    def made_by(self, operation: int, repository: Repository) -> BackupSet | None:
        """What an operation saved there."""
        return next((each for each in self.of(repository) if each.operation == operation), None)

    def problem(self, repository: Repository) -> str:
        """Why a repository could not be read; empty if it could."""
        return dict(self.problems).get(repository, "")


def merged(parts: Iterable[Info]) -> Info:
    """Several answers, each about one repository, as one."""
    listed = list(parts)
    return Info(
        backups=tuple(sorted((b for part in listed for b in part.backups), key=lambda each: each.stopped)),
        archives=tuple(archive for part in listed for archive in part.archives),
        problems=tuple(problem for part in listed for problem in part.problems),
        is_busy=any(part.is_busy for part in listed),
        progress=next((part.progress for part in listed if part.progress), None),
    )


def parse(text: str) -> Info:
    """Read the answer.

    Raises:
        ValueError: it is not what pgBackRest answers.
    """
    answer = json.loads(text)
    if not isinstance(answer, list):
        raise ValueError("not a list of stanzas")  # noqa: TRY004 - about a text, not about a type
    if not answer:
        return Info()
    stanza: Mapping[str, Any] = answer[0]
    lock = ((stanza.get("status") or {}).get("lock") or {}).get("backup") or {}
    versions = {
        (each.get("repo-key", 1), each["id"]): _major(each.get("version")) for each in stanza.get("db") or ()
    }
    total, done = lock.get("size"), lock.get("size-cplt")
    return Info(
        backups=tuple(
            sorted(
                (_backup(each, versions) for each in stanza.get("backup") or ()),
                key=lambda each: each.stopped,
            )
        ),
        archives=tuple(
            Archive(
                _repository(each["database"]["repo-key"]), each["min"], each["max"], each["database"]["id"]
            )
            for each in stanza.get("archive") or ()
            if each.get("min") and each.get("max")
        ),
        problems=tuple(_problems(stanza.get("repo") or ())),
        is_busy=bool(lock.get("held")),
        progress=(int(done or 0), int(total)) if total else None,
    )


_EMPTY: Final = frozenset({1, 2, 3})  # missing stanza path, no valid backups, missing stanza data


def _problems(repositories: Sequence[Mapping[str, Any]]) -> list[tuple[Repository, str]]:
    """An empty repository is no problem: nothing was saved there yet."""
    found = []
    for each in repositories:
        status = each.get("status") or {}
        if status.get("code", _GOOD) not in {_GOOD, *_EMPTY}:
            found.append((_repository(each["key"]), str(status.get("message", ""))))
    return found


def _repository(key: int) -> Repository:
    return list(Repository)[key - 1]


def _major(version: object) -> int | None:
    number = str(version or "").partition(".")[0]
    return int(number) if number.isdigit() else None


def _backup(entry: Mapping[str, Any], versions: Mapping[tuple[int, int], int | None]) -> BackupSet:
    info = entry.get("info") or {}
    stored = info.get("repository") or {}
    number = str((entry.get("annotation") or {}).get(ANNOTATION, ""))
    return BackupSet(
        repository=_repository(entry["database"]["repo-key"]),
        label=entry["label"],
        kind=entry["type"],
        started=_moment(entry["timestamp"]["start"]),
        stopped=_moment(entry["timestamp"]["stop"]),
        size=int(info.get("size") or 0),
        stored=int(stored.get("delta") or 0),
        lsn_start=(entry.get("lsn") or {}).get("start") or "",
        lsn_stop=(entry.get("lsn") or {}).get("stop") or "",
        wal_start=(entry.get("archive") or {}).get("start") or "",
        wal_stop=(entry.get("archive") or {}).get("stop") or "",
        database=entry["database"]["id"],
        operation=int(number) if number.isdigit() else None,
        has_errors=bool(entry.get("error")),
        version=versions.get((entry["database"]["repo-key"], entry["database"]["id"])),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
