"""Recording drift: what the watch found last. Every function is one short transaction."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from havre.records import queries
from havre.records.models import Drift, Environment, Operation


def record(environment: Environment, found: list[dict[str, Any]]) -> bool:
    """Store what was found in place of what was found before; whether that differs."""
    if not found:
        return bool(Drift.objects.filter(environment=environment).delete()[0])
    now = timezone.now()
    row, is_new = Drift.objects.get_or_create(
        environment=environment, defaults={"found": found, "since": now}
    )
    is_other = is_new or row.found != found
    Drift.objects.filter(pk=row.pk).update(found=found, seen_at=now)
    return is_other


def found(environment: Environment) -> list[dict[str, Any]]:
    """What is changed by hand, as far as the watch knows."""
    row = Drift.objects.filter(environment=environment).first()
    return row.found if row else []


def is_quiet(environment: Environment) -> bool:
    """Whether no operation changes the environment now: what one is about to do is no drift."""
    return (
        not Operation.objects.filter(environment=environment, state=Operation.State.RUNNING)
        .exclude(kind__in=queries.COMMANDS | {"plan"})
        .exists()
    )


def newest_operation(environment: Environment) -> int:
    """The number of the operation that was queued last; 0 if there was none."""
    newest = Operation.objects.filter(environment=environment).order_by("-id").first()
    return newest.pk if newest else 0
