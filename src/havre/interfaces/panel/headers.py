"""Headers that every answer has: what a page may load, who may frame it, what may be kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

_SOURCES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",  # the QR code of an authenticator app
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
CONTENT_POLICY: Final = "; ".join(_SOURCES)
"""No script, style or anything else but Havre's own files; nothing inline (https://www.w3.org/TR/CSP3/)."""

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@async_only_middleware
def headers(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Django middleware, the outermost.

    A browser stores no answer unless its view says otherwise (see ``pages.page``), and none after sign-out.
    """

    async def handle(request: HttpRequest) -> HttpResponse:
        answer = await get_response(request)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        if request.method == "POST" and request.path == "/account/logout/":
            answer.headers["Clear-Site-Data"] = '"cache"'  # https://www.w3.org/TR/clear-site-data/
        return answer

    return handle
