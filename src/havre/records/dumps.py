"""Dumps in the records: those that were read back and are kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from havre.domain.continuity.dumping import Contents, Made
from havre.domain.continuity.repositories import Repository
from havre.domain.schedule import Schedule
from havre.errors import UsageError
from havre.manifest import PostgresService
from havre.records.models import Dump, Environment, Operation

KIND = "dump"
_ENDED = (Operation.State.SUCCEEDED, Operation.State.FAILED)
_SHORT = 8


def record(
    environment: Environment,
    operation: Operation,
    service: str,
    repository: Repository,
    *,
    snapshot: str,
    stored: int,
    made: Made,
    started_at: datetime,
) -> None:
    """Remember a dump that was read back; once, however often it is told."""
    Dump.objects.update_or_create(
        repository=repository.value,
        snapshot=snapshot,
        defaults={
            "environment": environment,
            "service": service,
            "operation": operation,
            "size": made.size,
            "stored": stored,
            "tables": made.contents.tables,
            "rows": made.contents.rows,
            "started_at": started_at,
        },
    )


def forget_gone(repository: Repository, there: Collection[str]) -> None:
    """Forget the dumps that a repository does not hold any more."""
    for row in Dump.objects.filter(repository=repository.value):
        if row.snapshot not in there:
            row.delete()


def made_by(operation: Operation, service: str, repository: Repository) -> Dump | None:
    """What an operation dumped."""
    return Dump.objects.filter(operation=operation, service=service, repository=repository.value).first()


def newest(environment: Environment, service: str, repository: Repository) -> Dump | None:
    """The newest good one."""
    rows = Dump.objects.filter(environment=environment, service=service, repository=repository.value)
    return rows.order_by("-stopped_at").first()


def holding(
    environment: Environment, service: str, repository: Repository, moment: datetime, *, until: datetime
) -> list[dict[str, Any]]:
    """The dumps in a repository that hold what was there before a moment; the last goes by ``until``."""
    rows = Dump.objects.filter(environment=environment, service=service, repository=repository.value)
    return [
        {
            "service": service,
            "repository": repository.value,
            "label": f"dump {row.snapshot[:_SHORT]}",
            "made_at": row.stopped_at.isoformat(),
            "expires_at": until.isoformat(),
        }
        for row in rows.filter(started_at__lt=moment).order_by("stopped_at")
    ]


def before(environment: Environment, service: str) -> Made | None:
    """What the newest good one was like, wherever it is."""
    row = Dump.objects.filter(environment=environment, service=service).order_by("-stopped_at").first()
    return Made(row.size, Contents(row.tables, row.rows)) if row else None


def find(environment: Environment, service: str, wanted: str, repository: Repository | None) -> Dump:
    """The dump that is meant.

    Args:
        environment: whose.
        service: the database.
        wanted: the beginning of a snapshot's name, or ``latest``.
        repository: where; by default the local one, else the one elsewhere.

    Raises:
        UsageError: there is none, or there are several.
    """
    rows = Dump.objects.filter(environment=environment, service=service)
    if repository:
        rows = rows.filter(repository=repository.value)
    found = [
        row
        for row in rows.order_by("-stopped_at")
        if wanted in {"", "latest"} or row.snapshot.startswith(wanted)
    ]
    if wanted in {"", "latest"}:
        newest_made = {row.operation_id for row in found[:1]}
        found = [row for row in found if row.operation_id in newest_made]
    found.sort(key=lambda row: row.repository != Repository.LOCAL.value)
    if not found or len({row.snapshot for row in found if row.repository == found[0].repository}) > 1:
        what = "several dumps begin so" if found else "there is no such dump"
        raise UsageError(f"{what}: {wanted or 'latest'} of {service}", hint="havre backup list shows them")
    return found[0]


def last_failure(environment: Environment, service: str) -> str:
    """Why the newest attempt failed; empty if it did not."""
    last = _last(environment, service)
    return str((last.error or {}).get("message", "")) if last else ""


def suspected(environment: Environment, service: str) -> int:
    """Bytes of the newest dump if it was not believed; else 0."""
    last = _last(environment, service)
    return int(last.result.get("suspected", {}).get(service, 0)) if last else 0


def _last(environment: Environment, service: str) -> Operation | None:
    rows = Operation.objects.filter(environment=environment, kind=KIND, state__in=_ENDED).order_by("-pk")
    return next((row for row in rows[:20] if row.params.get("service") in {None, service}), None)


def patience(database: PostgresService) -> timedelta | None:
    """How old the newest dump may be: two may not fail in a row. None where none are made by schedule."""
    dump = database.backups.dump
    if not dump.enabled:
        return None
    schedule = Schedule(dump.schedule, database.backups.timezone)
    first = schedule.after(timezone.now())
    second = schedule.after(first) if first else None
    return 2 * (second - first) + timedelta(hours=2) if first and second else None


def shown(environment: Environment) -> list[dict[str, Any]]:
    """As the API lists them among the backups."""
    return [
        {
            "service": row.service,
            "repository": row.repository,
            "label": row.snapshot[:_SHORT],
            "type": "dump",
            "started_at": row.started_at.isoformat(),
            "stopped_at": row.stopped_at.isoformat(),
            "size": row.size,
            "stored": row.stored,
            "lsn": "",
            "operation": row.operation_id,
            "verified_at": row.stopped_at.isoformat(),
            "problem": "",
        }
        for row in Dump.objects.filter(environment=environment)
    ]
