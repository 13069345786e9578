"""What a caller has to be allowed for each route of the API. A route that is not here answers nobody.

The check comes before anything of a request is read, except where a request's body or an operation's number
says what it is about (:data:`LATER`): these are asked of by the views, through :func:`permit`. A project that
the caller may not see is answered as one that does not exist.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from django.db import transaction
from django.http import HttpRequest
from ninja.security.base import AuthBase
from ninja.throttling import SimpleRateThrottle

from havre.domain.access import OPERATIONS, RULES, Action, Reach
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.problems import ForbiddenError, NotFoundError
from havre.records import audit_log
from havre.records.models import Operation, Project

OPEN: Final = "anybody"
"""Any caller may: the version."""
LATER: Final = "later"
"""The view asks, by :func:`permit`, when it knows what it is about; or shows only what may be seen."""

_ENV: Final = "/environments/{project}/{environment}"
ROUTES: Final[dict[str, Action | str]] = {
    "GET /version": OPEN,
    "GET /projects": LATER,
    "GET /environments": LATER,
    "GET /operations": LATER,
    "POST /operations": LATER,
    "GET /operations/{number}": LATER,
    "POST /operations/{number}/cancel": LATER,
    "GET /operations/{number}/events": LATER,
    f"GET {_ENV}/releases": Action.SEE,
    f"GET {_ENV}/services": Action.SEE,
    f"POST {_ENV}/exec": Action.ENTER,
    f"GET {_ENV}/logs": Action.READ_LOGS,
    f"GET {_ENV}/logs/search": Action.READ_LOGS,
    f"GET {_ENV}/logs/lines/{{line_id}}": Action.READ_LOGS,
    f"GET {_ENV}/logs/download": Action.READ_LOGS,
    f"POST {_ENV}/canary/promote": Action.OPERATE,
    f"POST {_ENV}/canary/abort": Action.OPERATE,
    f"GET {_ENV}/variables": Action.READ_VARIABLES,
    f"PUT {_ENV}/variables": Action.SET_VARIABLES,
    f"DELETE {_ENV}/variables": Action.SET_VARIABLES,
    f"POST {_ENV}/copy": Action.COPY_SETTINGS,
    f"GET {_ENV}/secrets": Action.READ_SECRETS,
    f"PUT {_ENV}/secrets/{{name}}": Action.SET_SECRETS,
    f"DELETE {_ENV}/secrets/{{name}}": Action.SET_SECRETS,
    f"GET {_ENV}/cron": Action.SEE,
    f"GET {_ENV}/cron/{{job}}/runs": Action.SEE,
    f"POST {_ENV}/cron/{{job}}/pause": Action.OPERATE,
    f"POST {_ENV}/cron/{{job}}/resume": Action.OPERATE,
    f"GET {_ENV}/backups": Action.SEE,
    f"GET {_ENV}/backups/schedule": Action.SEE,
    f"GET {_ENV}/drills": Action.SEE,
    "PUT /projects/{project}/deploy-key": Action.SET_DEPLOY_KEY,
    "DELETE /projects/{project}/deploy-key": Action.SET_DEPLOY_KEY,
    "GET /backup-storage": Action.MANAGE_STORAGE,
    "PUT /backup-storage": Action.MANAGE_STORAGE,
    "DELETE /backup-storage": Action.MANAGE_STORAGE,
    "POST /backup-storage/test": Action.MANAGE_STORAGE,
    "POST /backup-storage/lock": Action.MANAGE_STORAGE,
    "GET /alerts": LATER,
    "POST /alerts/{number}/acknowledge": LATER,
    "GET /alert-silences": Action.SEE_SERVER,
    "POST /alert-silences": Action.MANAGE_SILENCES,
    "DELETE /alert-silences/{number}": Action.MANAGE_SILENCES,
    "GET /alert-channels": Action.MANAGE_CHANNELS,
    "PUT /alert-channels/{name}": Action.MANAGE_CHANNELS,
    "DELETE /alert-channels/{name}": Action.MANAGE_CHANNELS,
    "POST /alert-channels/{name}/test": Action.MANAGE_CHANNELS,
    "GET /alert-deliveries": Action.MANAGE_CHANNELS,
    "GET /alert-deliveries/{number}": Action.MANAGE_CHANNELS,
    "GET /tokens": Action.MANAGE_TOKENS,
    "POST /tokens": Action.MANAGE_TOKENS,
    "DELETE /tokens/{name}": Action.MANAGE_TOKENS,
    "GET /audit": LATER,
    "GET /audit/export": LATER,
    "GET /users": Action.MANAGE_USERS,
    "POST /users": Action.MANAGE_USERS,
    "PUT /users/{name}": Action.MANAGE_USERS,
    "DELETE /users/{name}": Action.MANAGE_USERS,
    "POST /users/{name}/link": Action.MANAGE_USERS,
}
"""Method and path below ``/api/v1``, and what it takes."""

_SECRETS: Final = frozenset({Action.READ_SECRETS, Action.MANAGE_STORAGE})
"""Reading that is noted in the audit log too."""
_READING: Final = frozenset({"GET", "HEAD"})


class Token(AuthBase):
    """The token, as the document describes it; who asks was found before (see ``access``)."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Caller:
        """Who asks, if they may ask this.

        Raises:
            NotFoundError: it is about a project that they may not see.
            ForbiddenError: they may not do it.
        """
        caller = caller_of(request)
        match = request.resolver_match
        need = ROUTES.get(f"{request.method} {route_of(match.route)}") if match else None
        if need in {OPEN, LATER}:
            return caller
        if not isinstance(need, Action):
            raise ForbiddenError("nobody may do this: it has no permission declared")
        permit(caller, need, match.kwargs.get("project") if match else None)
        return caller


class PerCaller(SimpleRateThrottle):
    """How often a caller from elsewhere may ask; on the server itself there is no limit."""

    def get_cache_key(self, request: HttpRequest) -> str | None:
        """By whom requests are counted."""
        caller = caller_of(request)
        return None if caller.is_local else f"api:{caller.via}:{quote(caller.actor)}"


def route_of(pattern: str) -> str:
    """A pattern of Django's as a path of the document: ``api/v1/a/<int:b>`` is ``/a/{b}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", "/" + pattern.removeprefix("api/v1/"))


def permit(caller: Caller, action: Action, project: str | None = None) -> None:
    """Nothing, if the caller may do something.

    Raises:
        NotFoundError: they may not even see the project.
        ForbiddenError: they may see it, but not do this.
    """
    if caller.may(action, project):
        return
    if RULES[action].reach is Reach.PROJECT and not (project and caller.may(Action.SEE, project)):
        raise NotFoundError(f"there is no project {project}", hint="`havre projects` lists those you may see")
    raise ForbiddenError(
        f"you may not {action.value}{f' in {project}' if project else ''}",
        hint=f"it takes the role {RULES[action].least.value}; ask an owner",
    )


def permit_new(caller: Caller, action: Action, project: str) -> None:
    """The same for what makes its project if it is new, which takes more.

    Raises:
        NotFoundError: as :func:`permit`; also for a project that is not there and that they may not make.
        ForbiddenError: as :func:`permit`.
    """
    permit(caller, action, project)
    if not Project.objects.filter(name=project).exists():
        permit(caller, Action.CREATE_PROJECT)


def permit_kind(caller: Caller, kind: str, project: str) -> None:
    """The same for an operation of a kind."""
    permit(caller, OPERATIONS[kind], project)


def visible_projects(caller: Caller) -> list[str] | None:
    """The names of the projects that a caller may see; None for all there are."""
    if caller.grants.server is not None:
        return None
    return [name for name in (caller.grants.projects or {}) if caller.may(Action.SEE, name)]


def project_of(operation: Operation) -> str:
    """The project of an operation; of one whose environment is gone, as far as its name tells for sure.

    Empty if it does not: then it takes a role on the server to see it. ``a-b-production`` is of the project
    ``a-b``, which may be gone as well, and never of ``a``.
    """
    if operation.environment is not None:
        return operation.environment.project.name
    name, _, _ = operation.target.rpartition("-")
    return name if Project.objects.filter(name=name).exists() else ""


def audited(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view whose change and whose entry in the audit log are one transaction.

    An async view changes nothing of the records; its entry is written before it runs.
    """
    if inspect.iscoroutinefunction(view):
        from asgiref.sync import sync_to_async  # noqa: PLC0415 - beside its use

        @functools.wraps(view)
        async def noted_async(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
            if _is_noted(request):
                await sync_to_async(note)(request, named)
            return await view(request, *arguments, **named)

        return noted_async

    @functools.wraps(view)
    def noted(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
        if not _is_noted(request):
            return view(request, *arguments, **named)
        with transaction.atomic():
            result = view(request, *arguments, **named)
            note(request, named)
        return result

    return noted


def _is_noted(request: HttpRequest) -> bool:
    match = request.resolver_match
    need = ROUTES.get(f"{request.method} {route_of(match.route)}") if match else None
    return request.method not in _READING or need in _SECRETS


def note(request: HttpRequest, named: dict[str, Any], *, outcome: str = audit_log.DONE) -> None:
    """Append to the audit log what a request asks for; ``named`` are the arguments of its view."""
    match = request.resolver_match
    route = f"{request.method} {route_of(match.route) if match else request.path}"
    need = ROUTES.get(route)
    wanted = named.get("wanted")
    told: dict[str, Any] = {key: str(named[key]) for key in ("name", "job", "number") if key in named}
    if name := getattr(wanted, "name", ""):
        told["name"] = name
    kind = getattr(wanted, "kind", "")
    if kind:
        told["kind"] = kind
    for key in ("service", "names", "role", "projects", "source"):
        if value := getattr(wanted, key, None):
            told[key] = value
    values = getattr(wanted, "values", None)
    if isinstance(values, dict):  # the names of variables, never their values
        told["names"] = sorted(values)
    action = OPERATIONS.get(kind, need)
    audit_log.record(
        caller_of(request).by,
        action.value if isinstance(action, Action) else route,
        outcome=outcome,
        project=str(named.get("project") or getattr(wanted, "project", "") or ""),
        environment=str(named.get("environment") or getattr(wanted, "environment", "") or ""),
        details={"request": route, **told},
    )
