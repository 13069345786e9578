"""The API below ``/api/v1``; its document is at ``/api/v1/openapi.json``."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import NinjaAPI

from havre.interfaces.api import (
    alerts,
    backups,
    canary,
    configuration,
    drills,
    environments,
    logs,
    operations,
    people,
    problems,
    schedules,
    schemas,
    streams,
)
from havre.interfaces.api.permissions import PerCaller, Token, audited
from havre.interfaces.api.version import version

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
    throttle=PerCaller("1200/m"),
)
api.add_decorator(audited, mode="operation")  # around the view, when its arguments are known
api.add_router("/operations", operations.router)
api.add_router("", streams.router)
api.add_router("", logs.router)
api.add_router("", environments.router)
api.add_router("", canary.router)
api.add_router("", configuration.router)
api.add_router("", schedules.router)
api.add_router("", backups.router)
api.add_router("", drills.router)
api.add_router("", people.router)
api.add_router("", alerts.router)
problems.register(api)


@api.get("/version", response=schemas.Version, summary="Which Havre answers", tags=["server"])
def show_version(request: HttpRequest) -> dict[str, str]:  # noqa: ARG001 - ninja passes it
    """The version."""
    return {"version": version()}
