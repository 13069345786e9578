"""What can be asked of a canary while its deployment runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from havre.interfaces.api import lookup, schemas
from havre.interfaces.api.operations import shown
from havre.manifest.values import Name
from havre.records import queries

router = Router(tags=["canary"])

_CANARY = "/environments/{project}/{environment}/canary"


@router.post(_CANARY + "/promote", response={202: schemas.Operation}, summary="Promote a canary")
def promote(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    wanted: schemas.Promotion,
) -> Status[dict[str, Any]]:
    """Go to the next weight now, or give it all requests; the operation sees it within a second."""
    asked = queries.PROMOTE_FULLY if wanted.fully else queries.PROMOTE
    return Status(202, shown(queries.ask_canary(lookup.environment(project, environment), asked)))


@router.post(_CANARY + "/abort", response={202: schemas.Operation}, summary="Give a canary up")
def abort(request: HttpRequest, project: Name, environment: Name) -> Status[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Give all requests to the old release and remove the new one; the operation ends as cancelled."""
    return Status(202, shown(queries.ask_canary(lookup.environment(project, environment), queries.ABORT)))
