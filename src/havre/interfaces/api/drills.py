"""Restore drills: how they went. They are asked for as operations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from havre.interfaces.api import lookup
from havre.manifest.values import Name
from havre.records import drills

router = Router(tags=["backups"])


class Drill(Schema):
    """A drill that is over.

    ``rto`` and ``rpo`` are seconds, null where they were not measured; the objectives are those of then.
    ``problem``: why it is not good, empty if it is. ``data``: what was restored, compared and checked.
    """

    operation: int | None
    actor: str
    repository: str
    release: int | None
    is_good: bool
    problem: str
    rto: float | None
    rpo: float | None
    objective_rto: float
    objective_rpo: float
    started_at: datetime
    finished_at: datetime
    data: dict[str, Any]


@router.get(
    "/environments/{project}/{environment}/drills", response=list[Drill], summary="List drills, newest first"
)
def history(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[dict[str, Any]]:
    """Those that came to their end, well or not; with what each measured."""
    rows = drills.history(lookup.environment(project, environment), limit=limit)
    names = [name for name in Drill.model_fields if name != "operation"]
    return [{**{name: getattr(row, name) for name in names}, "operation": row.operation_id} for row in rows]
