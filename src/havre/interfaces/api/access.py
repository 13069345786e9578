"""Who asks. Deny by default: a request without a caller reaches nothing but ``/healthz``.

The listener that accepted a connection says what it is (see ``havre.interfaces.server.asgi``): who
could open the unix socket is an administrator of this server; anybody else shows a token. Nothing
that a client sends, no header and no address, takes part in that decision.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

from havre.interfaces.api import problems
from havre.records.configuration import token_of

PEER: Final = "havre.peer"
"""Key of the ASGI scope under which a listener puts its :class:`Peer`."""

_OPEN = frozenset({"/healthz"})


@dataclass(frozen=True)
class Peer:
    """The other end of a connection to the unix socket; ``account`` is the one that opened it."""

    account: str


@dataclass(frozen=True)
class Caller:
    """Who asks: ``actor`` is recorded with what they do."""

    actor: str
    is_administrator: bool


def caller_of(request: HttpRequest) -> Caller:
    """Who asks; only for requests that :func:`access` let through."""
    return cast("Caller", request.caller)  # type: ignore[attr-defined] # set below


def require_administrator(request: HttpRequest) -> Caller:
    """The caller, who must have come by the unix socket.

    Raises:
        ForbiddenError: it is the holder of a token.
    """
    caller = caller_of(request)
    if not caller.is_administrator:
        raise problems.ForbiddenError(
            "a token may not do this", hint="ask an administrator to do it on the server itself"
        )
    return caller


@async_only_middleware
def access(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Django middleware: find the caller, turn those without one away, make every error a problem."""

    async def handle(request: HttpRequest) -> HttpResponse:
        caller = await _identify(getattr(request, "scope", {}), request.headers.get("Authorization", ""))
        if caller is None and request.path not in _OPEN:
            answer = problems.problem(
                HTTPStatus.UNAUTHORIZED,
                "this needs a valid token",
                hint="make one on the server by `havre tokens create` and send it as a bearer token",
            )
            answer["WWW-Authenticate"] = 'Bearer realm="havre"'
            return answer
        request.caller = caller  # type: ignore[attr-defined] # Django's way to hand on what it found
        return problems.plain(await get_response(request))

    return handle


async def _identify(scope: Mapping[str, Any], authorization: str) -> Caller | None:
    peer = scope.get(PEER)
    if isinstance(peer, Peer):
        return Caller(peer.account, is_administrator=True)
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        return None
    token = await sync_to_async(token_of)(text.strip())
    return Caller(f"token {token.name}", is_administrator=False) if token else None
