"""Recording drift: what the watch found last. Every function is one short transaction."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from havre.domain.drift import UnderWay
from havre.records import queries
from havre.records.models import Drift, Environment, Operation

_LAST: Final = 20  # operations that may have begun and ended during one look


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


def is_any(environment: Environment) -> bool:
    """Whether anything is on record, also if an operation is changing it."""
    return Drift.objects.filter(environment=environment).exists()


def found(environment: Environment) -> list[dict[str, Any]]:
    """What is changed by hand, as far as the watch knows, without what an operation is changing."""
    row = Drift.objects.filter(environment=environment).first()
    return _settled(environment, row)


def found_everywhere() -> dict[int, list[dict[str, Any]]]:
    """The same for every environment where there is any, by its key."""
    rows = Drift.objects.select_related("environment")
    told = {row.environment_id: _settled(row.environment, row) for row in rows}
    return {key: drift for key, drift in told.items() if drift}


def _settled(environment: Environment, row: Drift | None) -> list[dict[str, Any]]:
    now = under_way(environment) if row else None
    return [each for each in row.found if not now.covers(each["kind"], each["name"])] if row and now else []


def under_way(environment: Environment) -> UnderWay:
    """What an operation that runs is changing; a canary between its steps only what it shares."""
    running = list(_changing(environment).filter(state=Operation.State.RUNNING))
    if not running:
        return UnderWay()
    shift = Environment.objects.filter(pk=environment.pk).values_list("shift", flat=True).first() or {}
    if len(running) == 1 and "canary" in running[0].result and shift.get("weights"):
        return UnderWay(services=frozenset(shift["weights"]))
    return UnderWay(is_everything=True)


def activity(environment: Environment) -> tuple[object, ...]:
    """Which operations change the environment, and how far they are.

    If it is another one after a look than before, the look may have seen half of their work.
    """
    rows = _changing(environment).order_by("-id").values_list("pk", "state")[:_LAST]
    return (*rows, under_way(environment))


def _changing(environment: Environment) -> QuerySet[Operation]:
    return Operation.objects.filter(environment=environment).exclude(kind__in=queries.COMMANDS | {"plan"})
