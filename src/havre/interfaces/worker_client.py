"""The web process's side of the worker's query socket: one JSON line out, JSON lines back.

The other side, and the list of questions, is ``havre.controllers.queries``.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

from havre.config import Paths
from havre.errors import EngineError, HavreError, ServerError, UsageError

_WAKE_TIMEOUT: Final = 0.3
_CONNECT_TIMEOUT: Final = 2.0
_ANSWER_TIMEOUT: Final = 60.0  # a storage elsewhere may be slow
_LONGEST_LINE: Final = 1024 * 1024


def wake(paths: Paths) -> None:
    """Tell the worker that something was queued; if it does not hear, it finds out by itself."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_WAKE_TIMEOUT)
        connection.connect(str(paths.worker_socket))
        connection.sendall(b'{"query":"wake"}\n')


async def ask(paths: Paths, question: Mapping[str, Any]) -> dict[str, Any]:
    """The one row that answers a question.

    Raises:
        ServerError: the worker does not answer.
        HavreError: what it answered instead.
    """
    rows = stream(paths, question)
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            return await anext(rows)
    except (TimeoutError, StopAsyncIteration) as error:
        raise _silent() from error
    finally:
        await rows.aclose()  # type: ignore[attr-defined] # an async generator, see stream


async def stream(paths: Paths, question: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The rows that answer a question, as they come; closing the iterator ends the worker's part.

    Raises:
        ServerError: the worker does not answer.
        HavreError: what it answered instead, possibly after some rows.
    """
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_unix_connection(paths.worker_socket, limit=_LONGEST_LINE)
    except (OSError, TimeoutError) as error:
        raise _silent() from error
    try:
        writer.write(json.dumps(question).encode() + b"\n")
        await writer.drain()
        while line := await reader.readline():
            row: dict[str, Any] = json.loads(line)
            if isinstance(row.get("error"), dict):
                raise _told(row["error"])
            yield row
    except (OSError, ValueError) as error:  # ValueError: not JSON, or a line beyond the limit
        raise _silent() from error
    finally:
        writer.close()


def _told(error: Mapping[str, Any]) -> HavreError:
    kind = UsageError if error.get("kind") == "usage" else EngineError
    return kind(
        str(error.get("message", "")),
        hint=str(error.get("hint", "")),
        retryable=bool(error.get("retryable", False)),
    )


def _silent() -> ServerError:
    return ServerError(
        "the worker does not answer",
        hint="see its log on the server; `havre serve` starts it again by itself",
        retryable=True,
    )
