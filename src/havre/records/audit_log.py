"""The audit log: one row for each change and each look at secrets; read in pages, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from havre.records.models import AuditEntry

DONE: Final = "done"
REFUSED: Final = "refused"
FIELDS: Final = (
    "id",
    "at",
    "actor",
    "via",
    "address",
    "action",
    "outcome",
    "project",
    "environment",
    "details",
)
"""What is told of an entry, in this order."""


@dataclass(frozen=True)
class By:
    """Who did something: name, how they came in, from where; ``user_id`` if they have an account."""

    actor: str
    via: str
    address: str = ""
    user_id: int | None = None


def record(
    by: By,
    action: str,
    *,
    outcome: str = DONE,
    project: str = "",
    environment: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry. ``details`` is JSON and never a secret's value."""
    return AuditEntry.objects.create(
        actor=by.actor[:100],
        user_id=by.user_id,
        via=by.via,
        address=by.address,
        action=action[:60],
        outcome=outcome,
        project=project[:60],
        environment=environment[:60],
        details=dict(details or {}),
    )


def entries(
    *,
    projects: list[str] | None = None,
    project: str = "",
    actor: str = "",
    since: datetime | None = None,
    before: int | None = None,
) -> QuerySet[AuditEntry]:
    """Entries, the newest first; ``projects``: only those of these projects, None for all."""
    wanted = Q()
    if projects is not None:
        wanted &= Q(project__in=projects)
    if project:
        wanted &= Q(project=project)
    if actor:
        wanted &= Q(actor=actor)
    if since:
        wanted &= Q(at__gte=since)
    if before:
        wanted &= Q(pk__lt=before)
    return AuditEntry.objects.filter(wanted).order_by("-pk")


def rows(found: QuerySet[AuditEntry]) -> Iterator[dict[str, Any]]:
    """Entries as plain values, a few at a time."""
    yield from found.values(*FIELDS).iterator(chunk_size=500)
