"""The API below ``/api/v1``; its document is at ``/api/v1/openapi.json``."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.security.base import AuthBase

from havre.interfaces.api import (
    backups,
    canary,
    configuration,
    drills,
    environments,
    operations,
    problems,
    schedules,
    schemas,
    streams,
)
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.version import version


class Token(AuthBase):
    """The token, as the document describes it; who asks was found before (see ``access``)."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Caller:
        """Who asks."""
        return caller_of(request)


api = NinjaAPI(
    title="Havre",
    version="1",
    description=(
        "Long actions are operations: queued here, run by the worker, followed as events. Errors are"
        " application/problem+json with a remedy in `hint`. Callers by the server's unix socket are its"
        " administrators; others send a token."
    ),
    urls_namespace="api",
    docs_url=None,
    auth=Token(),
)
api.add_router("/operations", operations.router)
api.add_router("", streams.router)
api.add_router("", environments.router)
api.add_router("", canary.router)
api.add_router("", configuration.router)
api.add_router("", schedules.router)
api.add_router("", backups.router)
api.add_router("", drills.router)
problems.register(api)


@api.get("/version", response=schemas.Version, summary="Which Havre answers", tags=["server"])
def show_version(request: HttpRequest) -> dict[str, str]:  # noqa: ARG001 - ninja passes it
    """The version."""
    return {"version": version()}
