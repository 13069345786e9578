"""The log of a service as it is written, read without a thread and without a copy of each line.

HTTP/1.0 on purpose: the engine then sends frame after frame and ends by closing, while HTTP/1.1 wraps each
line into a chunk of its own, which costs more to take apart than the line is worth.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from havre.errors import EngineError

_CONNECT: Final = 10.0  # seconds
_AT_ONCE: Final = 256 * 1024  # bytes
_LONGEST_HEAD: Final = 64 * 1024  # bytes
_OK: Final = 200


async def follow(address: str, service: str, since: int) -> AsyncGenerator[bytes, None]:
    """Bytes of the engine's stream (:mod:`havre.domain.logs.frames`) until the service is removed.

    Args:
        address: of the engine, ``unix:///path`` or ``tcp://host:port``.
        service: id or name of the Swarm service.
        since: seconds of the epoch; only lines after it.

    Raises:
        EngineError: the engine does not answer, or not with a log; ``retryable`` unless the service is gone.
    """
    try:
        async with asyncio.timeout(_CONNECT):
            reader, writer = await _connect(address)
    except (OSError, TimeoutError) as error:
        raise EngineError(f"reaching the Docker engine at {address}: {error}", retryable=True) from error
    try:
        writer.write(request(service, since))
        await writer.drain()
        async with asyncio.timeout(_CONNECT):
            head = await reader.readuntil(b"\r\n\r\n")
        if (status := status_of(head)) != _OK:
            raise EngineError(f"the log of {service}: the engine answers {status}", retryable=status >= 500)  # noqa: PLR2004
        while data := await reader.read(_AT_ONCE):
            yield data
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise EngineError(f"reading the log of {service}: {error}", retryable=True) from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(parts.path, limit=_LONGEST_HEAD)
    if parts.scheme in {"tcp", "http"} and parts.hostname:
        return await asyncio.open_connection(parts.hostname, parts.port or 2375, limit=_LONGEST_HEAD)
    raise EngineError(f"logs cannot be followed at {address}", hint="give a unix:// or tcp:// address")


def request(service: str, since: int) -> bytes:
    """The request for a service's log."""
    asked = urlencode({"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1, "details": 1, "since": since})
    return f"GET /services/{quote(service, safe='')}/logs?{asked} HTTP/1.0\r\nHost: docker\r\n\r\n".encode()


def status_of(head: bytes) -> int:
    """The status of an answer's head.

    Raises:
        EngineError: it is no HTTP.
    """
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():  # noqa: PLR2004
        raise EngineError("what answers there is not a Docker engine")
    return int(words[1])
