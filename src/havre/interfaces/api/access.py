"""Who asks. Deny by default: a request without a caller reaches no more of the API than ``/healthz``.

The listener that accepted a connection says what it is (see ``havre.interfaces.server.asgi``): who
could open the unix socket is an administrator of this server; anybody else shows a token, or for reading
the session of a panel. No header and no address that a client sends makes it an administrator.

What a caller may do is another matter, see ``havre.interfaces.api.permissions``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, cast

from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

from havre.domain.access import EVERYTHING, Action, Grants, allows, allows_somewhere
from havre.interfaces.api import problems
from havre.records.accounts import grants_of
from havre.records.audit_log import By
from havre.records.tokens import token_of

PEER: Final = "havre.peer"
"""Key of the ASGI scope under which a listener puts its :class:`Peer`."""
DOOR: Final = "havre.door"
"""Key of the ASGI scope under which a listener says which :class:`Door` it is."""

_API: Final = "/api/"
_METRICS: Final = "/metrics"
_HEALTH: Final = "/healthz"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BROWSERS: Final = ("Origin", "Sec-Fetch-Site", "Cookie")
"""What browsers send and the command line does not."""
_WRONG_TOKENS: Final = 30
"""Wrong tokens an address may show within a minute before it has to wait."""


class Door(StrEnum):
    """By which way a request came: ``api.sock``, ``panel.sock``, the router, or around the router."""

    SOCKET = "socket"
    PANEL = "panel"
    ROUTER = "router"
    DIRECT = "direct"


@dataclass(frozen=True)
class Peer:
    """The other end of a connection to the unix socket; ``account`` is the one that opened it."""

    account: str


@dataclass(frozen=True)
class Caller:
    """Who asks: ``actor`` is recorded with what they do, ``via`` is socket, token or session."""

    actor: str
    grants: Grants = field(repr=False)
    via: str
    address: str = ""
    user_id: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether they are on the server itself, as its administrator."""
        return self.via == "socket"

    @property
    def by(self) -> By:
        """The same for the audit log."""
        return By(self.actor, self.via, self.address, self.user_id)

    def may(self, action: Action, project: str | None = None) -> bool:
        """Whether they may do something, in a project or on the server."""
        return allows(self.grants, action, project)

    def may_somewhere(self, action: Action) -> bool:
        """Whether they may do something in any project, or on the server."""
        return allows_somewhere(self.grants, action)


def caller_of(request: HttpRequest) -> Caller:
    """Who asks; only for requests that :func:`access` or the panel's guard let through."""
    return cast("Caller", request.caller)  # type: ignore[attr-defined] # set below


def require_local(request: HttpRequest) -> Caller:
    """The caller, who must have come by the unix socket.

    Raises:
        ForbiddenError: it came from elsewhere.
    """
    caller = caller_of(request)
    if not caller.is_local:
        raise problems.ForbiddenError(
            "this can only be done on the server itself", hint="ask its administrator"
        )
    return caller


def address_of(request: HttpRequest) -> str:
    """From where a request came; empty for who came by a unix socket.

    The router drops what a client says of this and writes the address that it sees itself as the last one.
    """
    scope: Mapping[str, Any] = getattr(request, "scope", {})
    door = scope.get(DOOR, Door.DIRECT)
    if door in {Door.SOCKET, Door.PANEL}:
        return ""
    forwarded = request.headers.get("X-Forwarded-For", "") if door == Door.ROUTER else ""
    told = forwarded.rpartition(",")[2].strip()
    seen = (scope.get("client") or ("",))[0]
    for text in (told, str(seen), request.META.get("REMOTE_ADDR", "")):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return ""


@async_only_middleware
def access(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Django middleware: find the caller, turn those without one away, make every error a problem.

    Pages of the panel pass: its own guard sees to them.
    """

    async def handle(request: HttpRequest) -> HttpResponse:
        scope: Mapping[str, Any] = getattr(request, "scope", {})
        peer = scope.get(PEER)
        request.caller = None  # type: ignore[attr-defined] # Django's way to hand on what it found
        if isinstance(peer, Peer):
            if any(name in request.headers for name in _BROWSERS):
                return problems.problem(
                    HTTPStatus.FORBIDDEN,
                    "this socket is the command line's, and a browser asks",
                    hint="forward the panel's: ssh -L 8700:/var/lib/havre/run/panel.sock SERVER",
                )
            request.caller = Caller(peer.account, EVERYTHING, "socket")  # type: ignore[attr-defined]
            return problems.plain(await get_response(request))
        if not (request.path.startswith(_API) or request.path == _METRICS):
            if scope.get(DOOR) == Door.DIRECT and request.path != _HEALTH:
                return problems.problem(HTTPStatus.NOT_FOUND, "the panel is reached through the router only")
            return await get_response(request)
        refusal = await sync_to_async(_admit)(request)
        return refusal or problems.plain(await get_response(request))

    return handle


def _admit(request: HttpRequest) -> HttpResponse | None:
    """Put the caller at the request, or answer why there is none."""
    address = address_of(request)
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text.strip():
        counter = f"wrong-tokens:{address}"
        if cache.get(counter, 0) >= _WRONG_TOKENS:
            answer = problems.problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many wrong tokens came from this address",
                hint="wait for a minute",
                retryable=True,
            )
            answer["Retry-After"] = "60"
            return answer
        token = token_of(text.strip(), address=address)
        if token is not None:
            request.caller = Caller(f"token {token.name}", grants_of(token), "token", address)  # type: ignore[attr-defined]
            return None
        cache.add(counter, 0, 60)
        cache.incr(counter)
    elif request.method in _READING and getattr(request, "scope", {}).get(DOOR) != Door.DIRECT:
        request.caller = session_caller(request)  # type: ignore[attr-defined]
        if request.caller is not None:  # type: ignore[attr-defined]
            return None
    answer = problems.problem(
        HTTPStatus.UNAUTHORIZED,
        "this needs a valid token",
        hint="make one by `havre tokens create` or in the panel, and send it as a bearer token",
    )
    answer["WWW-Authenticate"] = 'Bearer realm="havre"'
    return answer


def session_caller(request: HttpRequest) -> Caller | None:
    """Who signed in with both factors in the session of this request; None for anybody else."""
    from allauth.mfa.utils import is_mfa_enabled  # noqa: PLC0415 - needs the apps
    from django.conf import settings  # noqa: PLC0415
    from django.contrib.auth import get_user  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    from havre.records.models import User  # noqa: PLC0415

    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    if not hasattr(request, "session"):  # the middleware of sessions comes later
        request.session = SessionStore(key)
    user = get_user(request)
    if not isinstance(user, User) or not is_mfa_enabled(user):
        return None
    return Caller(user.username, grants_of(user), "session", address_of(request), user.pk)
