"""What can be asked of a canary while its deployment runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from havre.domain.promotion import ABORT, PROMOTE, PROMOTE_FULLY
from havre.interfaces.api import lookup, schemas
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.operations import require_consent, shown
from havre.manifest.values import Name
from havre.records import canaries

router = Router(tags=["canary"])

_CANARY = "/environments/{project}/{environment}/canary"


@router.post(_CANARY + "/promote", response={202: schemas.Operation}, summary="Promote a canary")
def promote(
    request: HttpRequest,
    project: Name,
    environment: Name,
    wanted: schemas.Promotion,
) -> Status[dict[str, Any]]:
    """Go to the next weight now, or give it all requests; the operation sees it within a second.

    The request is on record when this answers, and outlives a restart of the worker. The same again at
    the same weight changes nothing; 409 when no canary runs, or it is over.
    """
    row = lookup.environment(project, environment)
    require_consent("promote", row, wanted.confirm)
    asked = PROMOTE_FULLY if wanted.fully else PROMOTE
    return Status(202, shown(canaries.ask(row, asked, actor=caller_of(request).actor)))


@router.post(_CANARY + "/abort", response={202: schemas.Operation}, summary="Give a canary up")
def abort(
    request: HttpRequest,
    project: Name,
    environment: Name,
    wanted: schemas.Abortion | None = None,
) -> Status[dict[str, Any]]:
    """Give all requests to the old release and remove the new one; the operation ends as cancelled.

    As durable as a promotion, and it outweighs one; 409 when no canary runs, or it is over.
    """
    row = lookup.environment(project, environment)
    require_consent("abort", row, wanted.confirm if wanted else "")
    return Status(202, shown(canaries.ask(row, ABORT, actor=caller_of(request).actor)))
