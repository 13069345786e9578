"""What was read back of the backups, and when: as the operations that did it recorded it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from havre.domain.continuity.watching import Planned
from havre.domain.schedule import Schedule
from havre.records.models import Environment, Operation
from havre.records.planned_backups import planned_verification

KIND = "verify"
_ENDED = (Operation.State.SUCCEEDED, Operation.State.FAILED)
_LOOKED_AT = 50
_JUST_NOW = timedelta(hours=20)


def _of_all(environment: Environment) -> list[Operation]:
    """Those that read all of an environment, the newest first."""
    rows = Operation.objects.filter(environment=environment, kind=KIND, state__in=_ENDED).order_by("-pk")
    return [row for row in rows[:_LOOKED_AT] if not row.params.get("service")]


def shown(environment: Environment) -> dict[str, Any]:
    """As the API shows it: when all was found good last, what was read of the archive, what is wrong."""
    rows = _of_all(environment)
    good = next((row for row in rows if row.state == Operation.State.SUCCEEDED), None)
    last = rows[0] if rows else None
    return {
        "at": good.finished_at.isoformat() if good and good.finished_at else None,
        "operation": good.pk if good else None,
        "archive": dict(good.result.get("archive", {})) if good else {},
        "problem": str((last.error or {}).get("message", "")) if last else "",
    }


def seen(environment: Environment) -> Planned | None:
    """How reading back by schedule stands; None where it is not wanted."""
    planned = planned_verification(environment)
    if planned is None:
        return None
    schedule = Schedule(planned.job.schedule, planned.job.timezone)
    first = schedule.after(timezone.now())
    second = schedule.after(first) if first else None
    if first is None or second is None:
        return None
    rows = _of_all(environment)
    good = next((row for row in rows if row.state == Operation.State.SUCCEEDED), None)
    return Planned(
        failed=str((rows[0].error or {}).get("message", "")) if rows else "",
        last=good.finished_at if good else None,
        patience=2 * (second - first) + timedelta(hours=2),
    )


def archive_read_at(repository: str, now: datetime) -> Operation | None:
    """Who found a repository of the archive, which all environments share, good a moment ago."""
    rows = Operation.objects.filter(kind=KIND, state__in=_ENDED, finished_at__gte=now - _JUST_NOW)
    return next((row for row in rows.order_by("-pk") if row.result.get("archive", {}).get(repository)), None)
