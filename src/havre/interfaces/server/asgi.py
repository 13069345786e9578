"""The web process as an ASGI application, and the gate in front of it.

A listener puts a :class:`Gate` before the application for each of its connections. The gate says who
is at the other end, and ends requests whose body is larger than any that the API takes, before
Django would spool it.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, cast

from havre.domain.router_proof import HEADER, is_proof

BODY_LONGEST: Final = 1024 * 1024
"""Bytes of a request's body: a secret of 64 KiB with every byte escaped fits well."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def make_application() -> Application:
    """Django's application, with everything imported that the first request would import."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.settings")
    # Imported here: it reads the settings, which a test or a process sets up first.
    from django.core.asgi import get_asgi_application  # noqa: PLC0415
    from django.urls import get_resolver  # noqa: PLC0415

    application = get_asgi_application()
    _ = get_resolver().url_patterns
    return cast("Application", application)  # its stubs ask for plain dicts, which scopes are


class Gate:
    """Marks requests with the other end of their connection, and limits their body.

    Args:
        application: what is behind the gate.
        peer: who opened the connection to the command line's unix socket; None for anybody else.
        door: by which way they came, a ``Door``'s word: ``router``, ``panel`` or ``socket``. Of what comes by
            the router's way only that with its proof is the router's, which ends HTTPS; else ``direct``.
    """

    def __init__(self, application: Application, peer: object | None, door: str = "") -> None:
        self._application = application
        self._peer = peer
        self._door = door or ("router" if peer is None else "socket")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, as ASGI asks."""
        from havre.interfaces.api.access import DOOR, PEER  # noqa: PLC0415 - after Django is set up

        if scope["type"] != "http":
            return
        scope.pop(PEER, None)
        if self._peer is not None:
            scope[PEER] = self._peer
        scope[DOOR] = door = self._door_of(scope)
        scope["scheme"] = "https" if door == "router" else "http"
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > BODY_LONGEST:
            await _too_large(send)
            return
        taken = 0
        refused = False

        async def counted() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_LONGEST:  # sent in chunks, without a length
                refused = True
                return {"type": "http.disconnect"}
            return message

        await self._application(scope, counted, send)
        if refused:
            await _too_large(send)

    def _door_of(self, scope: Scope) -> str:
        from django.conf import settings  # noqa: PLC0415 - after Django is set up

        if self._door != "router":
            return self._door
        given = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
        is_proven = len(given) == 1 and is_proof(given[0], settings.SECRET_KEY)
        return "router" if is_proven else "direct"


async def _too_large(send: Send) -> None:
    from havre.interfaces.api import problems  # noqa: PLC0415 - after Django is set up

    body = problems.content(413, f"the request's body is larger than {BODY_LONGEST // 1024} KiB")
    headers = [(b"content-type", problems.CONTENT_TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
