"""Scheduled commands in the records. Every function is one transaction and may be called again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from havre.errors import ConflictError
from havre.records import queries
from havre.records.models import Environment, Operation, ScheduledJob, ScheduledRun

KEPT_RUNS: Final = 50
"""Runs of a job that are kept, with their operations and lines."""
_ACTIVE: Final = (Operation.State.QUEUED, Operation.State.RUNNING)
State = ScheduledRun.State


def ensure_job(
    environment: Environment, name: str, schedule: str, zone: str, *, now: datetime
) -> ScheduledJob:
    """The row of a job; one that is new or has another schedule owes nothing for the time before."""
    row, _ = ScheduledJob.objects.get_or_create(
        environment=environment,
        name=name,
        defaults={"schedule": schedule, "timezone": zone, "looked_at": now},
    )
    is_other = (row.schedule, row.timezone) != (schedule, zone)
    is_set_back = row.looked_at > now  # the clock was: runs are unique, so none comes twice
    if is_other or is_set_back:
        row.schedule, row.timezone, row.looked_at = schedule, zone, now
        row.save(update_fields=["schedule", "timezone", "looked_at"])
    if is_set_back:
        # What a wrong clock made seem missed is still to come, and has to run then.
        coming = ScheduledRun.objects.filter(environment=environment, job=name, due_at__gt=now)
        coming.filter(state__in=(State.MISSED, State.SKIPPED)).delete()
    return row


def active_run(environment: Environment, job: str) -> Operation | None:
    """The operation of a run that waits for the worker or runs."""
    run = (
        ScheduledRun.objects.filter(environment=environment, job=job, operation__state__in=_ACTIVE)
        .select_related("operation")
        .first()
    )
    return run.operation if run else None


def waiting_run(environment: Environment, job: str) -> ScheduledRun | None:
    """The run that waits until the one before has ended."""
    return ScheduledRun.objects.filter(environment=environment, job=job, state=State.WAITING).first()


@transaction.atomic
def note(row: ScheduledJob, due_at: datetime, state: ScheduledRun.State, why: str = "") -> bool:
    """Record what became of a due run that does not start now; False if that was recorded before."""
    is_new = _create(row.environment, row.name, due_at, state=state, why=why) is not None
    _looked(row, due_at)
    return is_new


@transaction.atomic
def start_due(
    row: ScheduledJob, due_at: datetime, params: dict[str, Any], why: str = "", *, kind: str = "cron"
) -> Operation | None:
    """Record a due run and queue its operation, of a kind, once; None if that was done before."""
    run = _create(row.environment, row.name, due_at, state=State.STARTED, why=why)
    _looked(row, due_at)
    return _enqueue(run, params, actor="scheduler", kind=kind) if run else None


@transaction.atomic
def start_waiting(run: ScheduledRun, params: dict[str, Any], *, kind: str = "cron") -> Operation | None:
    """Queue the operation of a run that waited; None if it does not wait any more."""
    won = ScheduledRun.objects.filter(pk=run.pk, state=State.WAITING).update(state=State.STARTED)
    return _enqueue(run, params, actor="scheduler", kind=kind) if won else None


@transaction.atomic
def start_now(environment: Environment, job: str, params: dict[str, Any], *, actor: str) -> Operation:
    """Queue a run that somebody asked for.

    Raises:
        ConflictError: the job runs already.
    """
    active = active_run(environment, job)
    if active:
        raise ConflictError(
            f"{job} runs already, as operation {active.pk}",
            hint=f"see it by `havre operations follow {active.pk}`, or stop it by `… cancel {active.pk}`",
        )
    run = _create(environment, job, timezone.now(), state=State.STARTED, trigger="manual")
    if run is None:
        raise ConflictError(f"{job} was started in this very moment by somebody else")
    return _enqueue(run, params, actor=actor)


def give_up(run: ScheduledRun, why: str) -> None:
    """A run that waited will not come."""
    ScheduledRun.objects.filter(pk=run.pk, state=State.WAITING).update(state=State.SKIPPED, why=why[:200])


def pause(row: ScheduledJob, *, actor: str) -> None:
    """Let a job rest; who did it first is kept."""
    if row.paused_at is None:
        row.paused_at, row.paused_by = timezone.now(), actor
        row.save(update_fields=["paused_at", "paused_by"])


def resume(row: ScheduledJob) -> None:
    """Let a job run again from now on; what was due meanwhile is not made up for."""
    if row.paused_at is not None:
        row.paused_at, row.paused_by, row.looked_at = None, "", timezone.now()
        row.save(update_fields=["paused_at", "paused_by", "looked_at"])


def set_failing(environment: Environment, job: str, *, failing: bool) -> bool:
    """Remember whether the last run failed; what was known before."""
    row = ScheduledJob.objects.filter(environment=environment, name=job).first()
    if row is None:
        return False
    before = row.is_failing
    ScheduledJob.objects.filter(pk=row.pk).update(is_failing=failing)
    return before


def runs_of(environment: Environment, job: str, *, limit: int) -> list[ScheduledRun]:
    """The newest runs of a job, each with its operation."""
    rows = ScheduledRun.objects.filter(environment=environment, job=job).select_related("operation")
    return list(rows.order_by("-due_at", "-id")[:limit])


def _create(environment: Environment, job: str, due_at: datetime, **fields: Any) -> ScheduledRun | None:
    if "why" in fields:
        fields["why"] = fields["why"][:200]
    run, is_new = ScheduledRun.objects.get_or_create(
        environment=environment, job=job, due_at=due_at, defaults=fields
    )
    if is_new:
        _forget_old(environment, job)
    return run if is_new else None


def _enqueue(run: ScheduledRun, params: dict[str, Any], *, actor: str, kind: str = "cron") -> Operation:
    operation = queries.enqueue(kind, run.environment, params, actor=actor)
    ScheduledRun.objects.filter(pk=run.pk).update(operation=operation)
    return operation


def _looked(row: ScheduledJob, until: datetime) -> None:
    row.looked_at = until
    row.save(update_fields=["looked_at"])


def _forget_old(environment: Environment, job: str) -> None:
    rows = ScheduledRun.objects.filter(environment=environment, job=job).order_by("-due_at", "-id")
    old = [
        (run.pk, run.operation_id)
        for run in rows.select_related("operation")[KEPT_RUNS:]
        if run.operation is None or run.operation.is_final
    ]
    ScheduledRun.objects.filter(pk__in=[pk for pk, _ in old]).delete()
    Operation.objects.filter(pk__in=[operation for _, operation in old if operation]).delete()
