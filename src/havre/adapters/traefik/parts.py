"""Middlewares and transports that routes share; why they are so says :mod:`.dynamic`."""

from __future__ import annotations

from typing import Any

from havre.adapters.traefik.static import RESOLVER

Configuration = dict[str, Any]

STANDARD_PORTS = (80, 443)

_YEAR = 365 * 24 * 3600
_READ_FIRST = 64 * 1024
_NO_STATUS = "1000"  # has four digits, so no answer ever has it
_DIAL_TIMEOUT = "1.5s"  # the default of 30 s hangs requests on an address that is gone
# Below the keep-alive of app servers (gunicorn 2 s, Node.js and uvicorn 5 s): a connection that the
# app closes just as a POST is sent on it is a lost request, which may not be retried.
_IDLE_TIMEOUT = "1.5s"
_COMPRESSED = (
    "application/atom+xml",
    "application/geo+json",
    "application/graphql-response+json",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/problem+json",
    "application/rss+xml",
    "application/vnd.api+json",
    "application/wasm",
    "application/xhtml+xml",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "text/calendar",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/markdown",
    "text/plain",
    "text/xml",
)


def compress() -> Configuration:
    """Text, in brotli, zstd or gzip as the client prefers."""
    return {"includedContentTypes": list(_COMPRESSED)}


def retry() -> Configuration:
    """Ask another server while nothing was sent to the first."""
    # Many and slow enough to outlast the second until the health check has seen a dead task (waits
    # grow from 100 to 200 ms); concurrent requests share one round robin, so a request may meet the
    # same dead address several times. On a busy server the check itself is late, hence twice as many
    # as a quiet one needs. The time counts where connecting is not refused but times out.
    return {"attempts": 20, "initialInterval": "100ms", "timeout": "4s"}


def read_again() -> Configuration:
    """Ask once more what only reads, where the first answer was that there is none (see :mod:`.dynamic`)."""
    return {
        "attempts": 2,
        "initialInterval": "50ms",
        "status": ["502", "504"],
        "disableRetryOnNetworkError": True,  # before anything was sent: that is retry's part
        "timeout": "4s",  # from the request's beginning, as that of retry
    }


def retry_read_first() -> Configuration:
    """Retry that holds the body in memory (see :mod:`.dynamic`); nothing else differs."""
    return retry() | {
        "status": [_NO_STATUS],
        "retryNonIdempotentMethod": True,
        "maxRequestBodyBytes": _READ_FIRST,
    }


def transport() -> Configuration:
    """How servers are connected to."""
    return {
        "maxIdleConnsPerHost": 200,
        "forwardingTimeouts": {
            "dialTimeout": _DIAL_TIMEOUT,
            "responseHeaderTimeout": "0s",  # an app may think for as long as it likes
            "idleConnTimeout": _IDLE_TIMEOUT,
        },
    }


def to_https(public_ports: tuple[int, int]) -> Configuration:
    """Redirect to the HTTPS port that users see."""
    port = {} if public_ports[1] == STANDARD_PORTS[1] else {"port": str(public_ports[1])}
    return {"scheme": "https", "permanent": True, **port}


def tls_of(*, acme: bool) -> Configuration:
    """TLS with a certificate by ACME, or with the default one."""
    return {"certResolver": RESOLVER} if acme else {}


def security_headers(*, https: bool) -> Configuration:
    """Headers with one right value; HSTS on HTTPS only."""
    return {
        "contentTypeNosniff": True,
        "customFrameOptionsValue": "SAMEORIGIN",
        **({"stsSeconds": _YEAR} if https else {}),
    }
