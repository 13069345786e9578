"""Errors as ``application/problem+json`` (RFC 9457): what happened, the remedy, whether to retry.

``errors`` lists every part of a request that is wrong, each ``{"where", "message"}``. What was sent
is never repeated by the schema's own messages: it may be a secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from havre.domain.consent import RULES
from havre.errors import (
    ConflictError,
    ConsentError,
    EngineError,
    HavreError,
    ManifestError,
    SecretError,
    ServerError,
    UsageError,
)
from havre.manifest.wording import CUSTOM
from havre.records import trouble

CONTENT_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class NotFoundError(UsageError):
    """What the path names does not exist."""


class ForbiddenError(UsageError):
    """The caller is known, but may not do this."""


_STATUS: tuple[tuple[type[HavreError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ManifestError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SecretError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConflictError, HTTPStatus.CONFLICT),
    (EngineError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ServerError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def content(
    status: int,
    detail: str,
    *,
    hint: str = "",
    retryable: bool = False,
    errors: Sequence[dict[str, str]] = (),
    confirm: str = "",
) -> bytes:
    """The body of a problem; ``confirm`` is the name that would have to be given."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "hint": hint,
        "retryable": retryable,
    }
    if errors:
        body["errors"] = list(errors)
    if confirm:
        body["confirm"] = confirm
    return json.dumps(body).encode()


def problem(status: int, detail: str, **more: Any) -> HttpResponse:
    """A problem as an answer; ``more`` as in :func:`content`."""
    return HttpResponse(content(status, detail, **more), status=status, content_type=CONTENT_TYPE)


def of(error: HavreError) -> HttpResponse:
    """An error of ours as an answer."""
    status = next((s for kind, s in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    confirm = error.confirm if isinstance(error, ConsentError) else ""
    return problem(status, error.message, hint=error.hint, retryable=error.retryable, confirm=confirm)


def plain(response: HttpResponse) -> HttpResponse:
    """An error page of Django's or of a library's as a problem; anything else as it is."""
    status = response.status_code
    is_error = status >= HTTPStatus.BAD_REQUEST and not response.streaming
    if not is_error or response.get("Content-Type", "").startswith("application/"):
        return response
    answer = problem(status, _PLAIN.get(status, HTTPStatus(status).phrase.lower()))
    if "Allow" in response:
        answer["Allow"] = response["Allow"]
    return answer


_PLAIN: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "the request cannot be read, or names another host",
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Havre failed; its log says why",
}


def register(api: NinjaAPI) -> None:
    """Let every error of the API be answered as a problem."""

    @api.exception_handler(HavreError)
    def _ours(_request: HttpRequest, error: HavreError) -> HttpResponse:
        return of(error)

    @api.exception_handler(ValidationError)
    def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
        found = [_part(each) for each in error.errors]
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "; ".join(f"{each['where']}: {each['message']}" for each in found[:3]),
            hint="; ".join(dict.fromkeys(each["hint"] for each in found[:3] if "hint" in each)),
            errors=found,
        )

    @api.exception_handler(HttpError)
    def _http(_request: HttpRequest, error: HttpError) -> HttpResponse:
        return problem(error.status_code, error.message)

    @api.exception_handler(DatabaseError)
    def _records(request: HttpRequest, error: DatabaseError) -> HttpResponse:
        log.error("%s %s: %s", request.method, request.path, error)
        return of(trouble.of_records(error))

    @api.exception_handler(Exception)
    def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _PLAIN[HTTPStatus.INTERNAL_SERVER_ERROR])


def _part(error: dict[str, Any]) -> dict[str, str]:
    """One wrong part. ``input`` and most of ``ctx`` hold what was sent and are left out."""
    hint = error.get("ctx", {}).get("hint", "") if error["type"] == CUSTOM else ""
    part = {"where": _where(error["loc"]), "message": str(error["msg"])}
    return {**part, "hint": str(hint)} if hint else part


def _where(location: Sequence[str | int]) -> str:
    """``("body", "wanted", "deploy", "params", "ref")`` as ``params.ref``: what a caller knows.

    The name of the argument of the view, and the kind by which a union was decided, are ours.
    """
    inner = list(location[1:])
    if location[:1] == ("body",):
        inner = inner[1:]
        if inner and inner[0] in RULES:
            inner = inner[1:]
    return ".".join(map(str, inner)) or "body"
