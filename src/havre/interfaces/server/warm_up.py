"""Requests to oneself, so that everything is imported while the code can still be read.

Needed only where the web process drops root's rights itself, because its account cannot read the
code. Nothing is written by these requests.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import Final

from havre.interfaces.server.asgi import Application, Gate, Message, Scope

log = logging.getLogger(__name__)

_MODULES: Final = (
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.punycode",
    "encodings.unicode_escape",
    "linecache",
    "traceback",
    "tokenize",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
    "uvicorn.loops.asyncio",
)

_TEMPLATES: Final = ("account/", "mfa/", "panel/", "allauth/", "429.html")
_LATE: Final = (
    "allauth.mfa.webauthn.internal.auth",
    "argon2",
    "fido2.server",
)
"""What pages of accounts import when they are first used; only where Django is set up."""

_NOBODY: Final = "no-such-name"
_REQUESTS: Final = (
    ("GET", "/healthz", b""),
    ("GET", "/metrics", b""),
    ("GET", f"/{_NOBODY}", b""),
    ("PATCH", "/api/v1/version", b""),
    ("GET", "/api/v1/version", b""),
    ("GET", "/api/v1/openapi.json", b""),
    ("GET", "/api/v1/environments", b""),
    ("GET", "/api/v1/projects", b""),
    ("GET", "/api/v1/operations", b""),
    ("GET", "/api/v1/operations/9223372036854775807/events", b""),
    ("GET", f"/api/v1/environments/{_NOBODY}/{_NOBODY}/logs", b""),
    ("GET", f"/api/v1/environments/{_NOBODY}/{_NOBODY}/secrets", b""),
    ("DELETE", f"/api/v1/environments/{_NOBODY}/{_NOBODY}/secrets/{_NOBODY}", b""),
    ("GET", "/api/v1/tokens", b""),
    ("GET", "/account/login/", b""),
    ("GET", f"/account/welcome/{_NOBODY}/", b""),
    ("GET", "/account/sessions/", b""),
    ("POST", "/api/v1/operations", b"no json"),
    ("POST", "/api/v1/operations", b'{"kind": "restart", "project": "-", "environment": ""}'),
)


def warm_up(application: Application) -> None:
    """Send the requests; a failure is logged and no reason not to start."""
    for name in (*_MODULES, *_LATE):
        importlib.import_module(name)
    _read_templates()
    _read_texts()
    asyncio.run(_ask_all(application))


def _read_templates() -> None:
    """Read every template of Havre's and allauth's: Django's loader keeps what it has read."""
    from django.template import loader  # noqa: PLC0415 - after Django is set up
    from django.template.utils import get_app_template_dirs  # noqa: PLC0415

    for folder in get_app_template_dirs("templates"):
        for file in sorted(folder.rglob("*.html")):
            name = str(file.relative_to(folder))
            if name.startswith(_TEMPLATES):
                loader.get_template(name)


def _read_texts() -> None:
    """Read what the pages say in each language, how it writes dates, and the static files."""
    from django.conf import settings  # noqa: PLC0415 - after Django is set up
    from django.utils import formats, timezone, translation  # noqa: PLC0415

    from havre.interfaces.panel import assets  # noqa: PLC0415

    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            formats.date_format(timezone.now(), "DATETIME_FORMAT")
    assets.catalogue()


async def _ask_all(application: Application) -> None:
    from havre.interfaces.api.access import Peer  # noqa: PLC0415 - after Django is set up

    for peer in (Peer("warm-up"), None):
        for method, path, body in _REQUESTS:
            try:
                await _ask(Gate(application, peer), method, path, body)
            except Exception:
                log.exception("warm-up: %s %s", method, path)


async def _ask(application: Application, method: str, path: str, body: bytes) -> None:
    requests: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    for_ever = asyncio.Event()

    async def receive() -> Message:
        if not requests:
            await for_ever.wait()
        return requests.pop()

    async def send(_message: Message) -> None:
        """Nobody reads the answer."""

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"authorization", b"Bearer nobody's"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
        "client": None,
        "server": None,
    }
    await application(scope, receive, send)
