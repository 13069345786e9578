"""Scheduled commands: when they run, how they went, and pausing and resuming them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema

from havre.config import config
from havre.domain.schedule import Schedule
from havre.interfaces import worker_client
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.manifest.values import Name
from havre.records import schedule
from havre.records.models import Environment, ScheduledJob, ScheduledRun
from havre.records.planned import Planned, planned, planned_job

router = Router(tags=["scheduled commands"])
_PATH = "/environments/{project}/{environment}/cron"


class CronRun(Schema):
    """A run that was due. ``seconds`` and ``exit_code`` are null while they are not known.

    ``state``: ``waiting`` for the run before, ``queued``, ``running``, ``succeeded``, ``failed``,
    ``cancelled``; or it did not start: ``skipped``, ``missed``; ``why`` says the reason.
    """

    due_at: datetime
    state: str
    trigger: str
    why: str
    operation: int | None
    exit_code: int | None
    started_at: datetime | None
    seconds: float | None


class Cron(Schema):
    """A scheduled command of the live release; ``timeout`` in seconds, ``next`` null while paused."""

    name: str
    service: str
    command: list[str]
    schedule: str
    timezone: str
    overlap: str
    timeout: float
    paused: bool
    paused_by: str
    next: datetime | None
    last: CronRun | None


@router.get(_PATH, response=list[Cron], summary="List scheduled commands")
def jobs(request: HttpRequest, project: Name, environment: Name) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Those of the live release, each with its next and its last run."""
    row = lookup.environment(project, environment)
    return [_job(row, job) for _, job in sorted(planned(row).items())]


@router.get(_PATH + "/{job}/runs", response=list[CronRun], summary="History of a scheduled command")
def runs(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    job: Name,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[dict[str, Any]]:
    """The newest first; also of a job that the live release has no more. The last 50 are kept."""
    row = lookup.environment(project, environment)
    found = schedule.runs_of(row, job, limit=limit)
    if not found:
        planned_job(row, job)  # says so if there is no such job
    return [_run(run) for run in found]


@router.post(_PATH + "/{job}/pause", response=Cron, summary="Pause a scheduled command")
def pause(request: HttpRequest, project: Name, environment: Name, job: Name) -> dict[str, Any]:
    """It is not run by its schedule, over deployments too, until it is resumed."""
    row = lookup.environment(project, environment)
    wanted = planned_job(row, job)
    schedule.pause(_row(row, wanted), actor=caller_of(request).actor)
    return _job(row, wanted)


@router.post(_PATH + "/{job}/resume", response=Cron, summary="Resume a scheduled command")
def resume(request: HttpRequest, project: Name, environment: Name, job: Name) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """From now on; what was due meanwhile is not made up for."""
    row = lookup.environment(project, environment)
    wanted = planned_job(row, job)
    schedule.resume(_row(row, wanted))
    transaction.on_commit(lambda: worker_client.wake(config().paths))
    return _job(row, wanted)


def _row(environment: Environment, job: Planned) -> ScheduledJob:
    return schedule.ensure_job(environment, job.name, job.job.schedule, job.job.timezone, now=timezone.now())


def _job(environment: Environment, job: Planned) -> dict[str, Any]:
    row = ScheduledJob.objects.filter(environment=environment, name=job.name).first()
    is_paused = row is not None and row.paused_at is not None
    last = schedule.runs_of(environment, job.name, limit=1)
    coming = None if is_paused else Schedule(job.job.schedule, job.job.timezone).after(timezone.now())
    return {
        "name": job.name,
        "service": job.service,
        "command": list(job.job.command),
        "schedule": job.job.schedule,
        "timezone": job.job.timezone,
        "overlap": job.job.overlap,
        "timeout": job.job.timeout,
        "paused": is_paused,
        "paused_by": row.paused_by if row else "",
        "next": coming,
        "last": _run(last[0]) if last else None,
    }


def _run(run: ScheduledRun) -> dict[str, Any]:
    operation = run.operation
    return {
        "due_at": run.due_at,
        "state": operation.state if operation else run.state,
        "trigger": run.trigger,
        "why": run.why or ((operation.error or {}).get("message", "") if operation else ""),
        "operation": operation.pk if operation else None,
        "exit_code": operation.result.get("exit_code") if operation else None,
        "started_at": operation.started_at if operation else None,
        "seconds": operation.seconds if operation else None,
    }
