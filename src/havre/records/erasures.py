"""Erasures in the records: asked for with a sealed value, kept without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from havre.records.models import Environment, Erasure, Operation


@transaction.atomic
def enqueue(
    environment: Environment, params: dict[str, Any], *, sealed: bytes | None, actor: str
) -> Operation:
    """Record an operation that erases a person, whose sealed value is not among its parameters."""
    operation = Operation.objects.create(
        kind="erase", environment=environment, target=str(environment), params=params, actor=actor
    )
    if sealed is not None:
        Erasure.objects.create(
            environment=environment,
            operation=operation,
            subject=params["subject"],
            service=params.get("service") or "",
            sealed=sealed,
            actor=actor,
        )
    return operation


def of(operation: Operation) -> Erasure | None:
    """The person whom an operation is to erase."""
    return Erasure.objects.filter(operation=operation).first()


def identify(row: Erasure, *, service: str, token: str, identity: str) -> None:
    """Remember who is meant, by keyed hashes, before anything is done."""
    row.service, row.token, row.identity = service, token, identity
    row.save(update_fields=["service", "token", "identity"])


def erased(row: Erasure, rows: list[dict[str, Any]]) -> None:
    """Remember that somebody was erased, for the first time or again."""
    row.rows, row.erased_at, row.is_back = rows, timezone.now(), False
    row.save(update_fields=["rows", "erased_at", "is_back"])


def forget(operation: Operation) -> None:
    """What was sealed for an operation that is over is gone; somebody who was not erased leaves no trace."""
    rows = Erasure.objects.filter(operation=operation)
    rows.filter(erased_at=None).delete()
    rows.update(sealed=None)


def known(environment: Environment, service: str = "") -> list[Erasure]:
    """Persons who were erased, the first one first."""
    rows = Erasure.objects.filter(environment=environment, erased_at__isnull=False).exclude(identity="")
    return list((rows.filter(service=service) if service else rows).order_by("pk"))


def mark_back(rows: Iterable[Erasure], there: set[str]) -> int:
    """Remember which of them are there again, by their identities; how many are."""
    count = 0
    for row in rows:
        is_back = row.identity in there
        count += is_back
        if is_back != row.is_back:
            Erasure.objects.filter(pk=row.pk).update(is_back=is_back)
    return count


def back_again() -> dict[str, int]:
    """Environments in which erased persons are there again, and how many."""
    found: dict[str, int] = {}
    for row in Erasure.objects.filter(is_back=True).select_related("environment__project"):
        found[str(row.environment)] = found.get(str(row.environment), 0) + 1
    return found
