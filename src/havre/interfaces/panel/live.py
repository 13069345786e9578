"""The event stream of an operation's page: pieces of the page, as they come true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import groupby

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.views.decorators.http import require_GET

from havre.interfaces.api import lookup, streams
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.problems import NotFoundError
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import zone_of
from havre.records import queries
from havre.records.models import Event, Operation

_LONGEST_ID = 18


@needs(Need.LATER)
@require_GET
async def follow(request: HttpRequest, number: int) -> HttpResponseBase:
    """``steps``, ``log`` and at last ``over``, each with a piece of HTML; goes on after ``Last-Event-ID``."""
    try:
        await sync_to_async(lookup.operation)(number, caller_of(request))
    except NotFoundError:
        return HttpResponse(status=404)
    after = request.headers.get("Last-Event-ID") or request.GET.get("after", "0")
    last = int(after) if after.isdecimal() and len(after) <= _LONGEST_ID else 0
    language, zone = translation.get_language(), zone_of(request)

    def pieces(batch: list[Event]) -> bytes:
        with translation.override(language), timezone.override(zone):
            return b"".join(_pieces(number, batch))

    async def stream() -> AsyncIterator[bytes]:
        async for batch in streams.follow(number, last):
            yield await sync_to_async(pieces)(batch) if batch else streams.COMMENT

    answer = StreamingHttpResponse(stream(), content_type=streams.EVENT_STREAM)
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


def _pieces(number: int, batch: list[Event]) -> Iterator[bytes]:
    """Lines that follow each other in one piece; steps as they stand now, once."""
    if any(event.kind in {"plan", "step"} for event in batch):
        row = Operation.objects.get(pk=number)
        steps = list(queries.steps_of(row))
        yield _event("steps", render_to_string("panel/steps_part.html", {"steps": steps}), batch[0].pk - 1)
    for is_log, events in groupby(batch, key=lambda event: event.kind == "log"):
        if is_log:
            yield _log(events)
    if batch[-1].kind == "outcome":
        yield _event("over", "", batch[-1].pk)


def _log(events: Iterable[Event]) -> bytes:
    lines = list(events)
    return _event("log", render_to_string("panel/lines_part.html", {"log": lines}), lines[-1].pk)


def _event(name: str, text: str, number: int) -> bytes:
    data = "".join(f"data: {line}\n" for line in text.strip().splitlines()) or "data: \n"
    return f"id: {number}\nevent: {name}\n{data}\n".encode()
