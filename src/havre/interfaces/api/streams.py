"""Streams: the events of an operation, and the log lines of an environment.

Event streams follow https://html.spec.whatwg.org/multipage/server-sent-events.html: ``id`` lets a
client go on where it was (``Last-Event-ID``), a comment every 15 seconds keeps the connection open.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Final, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Header, Query, Router
from pydantic import Field

from havre.config import config
from havre.errors import HavreError
from havre.interfaces import worker_client
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.logs import Narrowing
from havre.manifest.values import Name
from havre.records import queries
from havre.records.models import Event, Operation

router = Router(tags=["streams"])

EVENT_STREAM: Final = "text/event-stream"
JSON_LINES: Final = "application/x-ndjson"

_HEARTBEAT: Final = 15.0  # seconds
COMMENT: Final = b": still here\n\n"
_POLL: Final = 0.1  # seconds
_GRACE_POLLS: Final = 20  # of a final operation without an outcome, which is written a moment later
_FIRST_ROW: Final = 1.0  # seconds in which an error is still answered by its status
_EventId = Annotated[int, Field(ge=0, lt=2**63)]


@router.get("/operations/{number}/events", summary="Follow an operation")
async def events(
    request: HttpRequest,
    number: Annotated[int, Field(ge=1, lt=2**63)],
    after: _EventId = 0,
    last_event_id: Annotated[_EventId | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingHttpResponse:
    """``step``, ``log`` and at last ``outcome`` events, each with JSON data that holds its time, ``at``.

    Begins after the event ``Last-Event-ID``, else ``after``; ends with the outcome.
    """
    await sync_to_async(lookup.operation)(number, caller_of(request))
    return _answer(_events(number, after if last_event_id is None else last_event_id), EVENT_STREAM)


@router.get("/environments/{project}/{environment}/logs", summary="Read or follow logs")
async def logs(  # noqa: PLR0917 - ninja calls it by keyword
    request: HttpRequest,
    project: Name,
    environment: Name,
    narrowing: Query[Narrowing],
    tail: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    follow: bool = False,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)] = None,
) -> StreamingHttpResponse:
    """Lines, oldest first, as JSON lines or, by default, as events whose id is that of the line.

    The last ``tail``, or all; after the line ``Last-Event-ID`` where that is known. With ``follow`` it
    goes on with those that come. An error after the first row is a last event ``error``, or a last row
    that has only the key ``error``.
    """
    await sync_to_async(lookup.environment)(project, environment)
    question = {
        "query": "logs",
        **narrowing.question(project, environment),
        "tail": tail,
        "follow": follow,
        "after": last_event_id or "",
    }
    rows = _with_silence(worker_client.stream(config().paths, question))
    first = await anext(rows, _END)  # the error of the first row is raised here
    media_type = (
        JSON_LINES if request.accepts(JSON_LINES) and not request.accepts(EVENT_STREAM) else EVENT_STREAM
    )
    return _answer(_log_rows(first, rows, media_type), media_type)


def _answer(content: AsyncIterator[bytes], media_type: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(content, content_type=media_type)
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def follow(number: int, last: int) -> AsyncGenerator[list[Event], None]:
    """The events of an operation after event ``last`` as they come, an empty list for a heartbeat.

    Ends after the outcome.
    """
    next_batch = sync_to_async(_batch)
    spoke = time.monotonic()
    idle_polls = 0
    while True:
        standing, batch = await next_batch(number, last)
        if batch:
            last = batch[-1].pk
            yield batch
            if batch[-1].kind == "outcome":
                return
            spoke, idle_polls = time.monotonic(), 0
            continue
        idle_polls = idle_polls + 1 if standing == "over" else 0
        if standing == "told" or idle_polls > _GRACE_POLLS:
            return
        if time.monotonic() - spoke >= _HEARTBEAT:
            spoke = time.monotonic()
            yield []
        await asyncio.sleep(_POLL)


async def _events(number: int, last: int) -> AsyncGenerator[bytes, None]:
    async for batch in follow(number, last):
        if not batch:
            yield COMMENT
        for event in batch:
            yield _event(event.kind, {**event.data, "at": event.at.isoformat()}, event.pk)


def _batch(number: int, last: int) -> tuple[Literal["open", "over", "told"], list[Event]]:
    """How the operation stands (told: its outcome is not after ``last``), and the next events.

    In this order, so that the events of an operation that is over are all there.
    """
    is_over = Operation.objects.filter(pk=number, state__in=Operation.FINAL).exists()
    found = queries.events_after(number, last)
    if not is_over or found:
        return "open", found
    is_told = Event.objects.filter(operation=number, kind="outcome", pk__lte=last).exists()
    return ("told" if is_told else "over"), found


async def _log_rows(
    first: dict[str, Any] | object | None, rows: AsyncGenerator[dict[str, Any] | None, None], media_type: str
) -> AsyncGenerator[bytes, None]:
    as_events = media_type == EVENT_STREAM
    row = first
    try:
        while row is not _END:
            if isinstance(row, dict):
                yield (
                    _event("line", row, row.get("id") or None)
                    if as_events
                    else json.dumps(row).encode() + b"\n"
                )
            elif as_events:
                yield COMMENT
            row = await anext(rows, _END)
    except HavreError as error:
        told = {"error": {"message": error.message, "hint": error.hint, "retryable": error.retryable}}
        yield _event("error", told) if as_events else json.dumps(told).encode() + b"\n"
    finally:
        await rows.aclose()


async def _with_silence(rows: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[dict[str, Any] | None, None]:
    """The rows, and None where none came for a while: at first for a second, later for a heartbeat."""
    patience = _FIRST_ROW
    coming: asyncio.Task[dict[str, Any]] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(rows))
            done, _ = await asyncio.wait({coming}, timeout=patience)
            patience = _HEARTBEAT
            if not done:
                yield None
                continue
            try:
                row = coming.result()
            except StopAsyncIteration:
                return
            finally:
                coming = None
            yield row
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
        await rows.aclose()  # type: ignore[attr-defined] # an async generator


def _event(kind: str, data: dict[str, Any], number: int | str | None = None) -> bytes:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


_END = object()
