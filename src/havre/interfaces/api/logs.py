"""The log of an environment: pages of a search, one line with its surroundings, a file to keep."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import AfterValidator, Field

from havre.config import config
from havre.domain.logs.levels import NAMES, by_name
from havre.domain.logs.words import terms_of
from havre.domain.readiness import LogPattern
from havre.errors import HavreError
from havre.interfaces import worker_client
from havre.interfaces.api import lookup
from havre.manifest.values import Name
from havre.manifest.wording import fail

router = Router(tags=["logs"])

_PLACE: Final = r"^\d{1,17}\.\d{1,19}\.\d{1,19}$"
_ID: Final = r"^\d{8}-\d{1,9}-\d{1,12}$"
_EXAMPLE: Final = {
    "id": "20261130-3-1502",
    "at": "2026-11-30T16:54:26.123456Z",
    "service": "api",
    "release": "12",
    "task": "l0xo8b1kzx6q",
    "stream": "stderr",
    "level": "error",
    "line": "TypeError: Cannot read properties of undefined\n    at find (/app/orders.js:12:7)",
}


def _is_pattern(text: str) -> str:
    try:
        LogPattern(text)
    except ValueError as error:
        raise fail(f"is not a regular expression: {error}") from error
    return text


def _are_words(text: str) -> str:
    terms_of(text)
    return text


def _is_level(text: str) -> str:
    by_name(text)
    return text


Pattern = Annotated[str, AfterValidator(_is_pattern)]
Words = Annotated[str, AfterValidator(_are_words)]
LevelName = Annotated[str, AfterValidator(_is_level)]


class Narrowing(Schema):
    """Which lines: all that is given has to be true of a line."""

    service: list[Name] = Field([], max_length=100, description="Only of these services.", examples=[["api"]])
    since: float | None = Field(
        None, ge=0, lt=1e11, description="From then on, in seconds since 1970.", examples=[1796057640]
    )
    until: float | None = Field(None, ge=0, lt=1e11, description="Before then, in seconds since 1970.")
    level: LevelName | None = Field(
        None,
        max_length=20,
        description=f"Of this level or worse: {', '.join(NAMES)}. Lines that tell none count as `info`.",
        examples=["warn"],
    )
    text: Words | None = Field(
        None,
        max_length=200,
        description="Words, whatever their case, each found where a word begins with it; several in quotes"
        " are one phrase. Fast: there is an index of them.",
        examples=['timeout "connection refused"'],
    )
    grep: Pattern | None = Field(
        None,
        max_length=200,
        description="A regular expression (RE2) that is found.",
        examples=["status=5\\d\\d"],
    )

    def question(self, project: str, environment: str) -> dict[str, Any]:
        """It as the worker is asked."""
        return {
            "project": project,
            "environment": environment,
            "services": self.service or None,
            **self.dict(include={"since", "until", "level", "text", "grep"}),
        }


class LogLine(Schema):
    """A line, or several that belong together, such as a stack trace."""

    id: str = Field(description="Names it for as long as it is kept.")
    at: datetime
    service: str = Field(description="Empty for what Havre says of the environment, such as a deployment.")
    release: str
    task: str
    stream: Literal["stdout", "stderr", "havre"]
    level: str = Field(description="Empty where it tells none.")
    line: str
    message: str | None = Field(None, description="Of a line of JSON: what people read of it.")
    fields: dict[str, Any] | None = Field(None, description="What a line of JSON holds.")


class LogPage(Schema):
    """Lines, oldest first, and the places from which to go on."""

    lines: list[LogLine] = Field(examples=[[_EXAMPLE]])
    older: str | None = Field(description="For `before`; null if there is nothing before.")
    newer: str | None = Field(description="For `after`.", examples=["1796057666123456.3.1502"])
    looked_until: datetime | None = Field(
        description="Up to where was looked, if there was too much to look at everything; go on with `older`."
    )


class LogLinePage(LogPage):
    """A line and what stands around it."""

    id: str = Field(description="Of the line that was asked for.", examples=["20261130-3-1502"])


@router.get("/environments/{project}/{environment}/logs/search", response=LogPage, summary="Search logs")
async def search(  # noqa: PLR0917 - ninja calls it by keyword
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    narrowing: Query[Narrowing],
    before: Annotated[str, Query(pattern=_PLACE, max_length=80)] | None = None,
    after: Annotated[str, Query(pattern=_PLACE, max_length=80)] | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """The newest page of what is found, or the one before or after a place that a page named."""
    await sync_to_async(lookup.environment)(project, environment)
    asked = narrowing.question(project, environment)
    places = {"before": before or "", "after": after or "", "limit": limit}
    return await worker_client.ask(config().paths, {"query": "page", **asked, **places})


@router.get(
    "/environments/{project}/{environment}/logs/lines/{line_id}",
    response=LogLinePage,
    summary="Show a line and what stands around it",
)
async def line(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    line_id: Annotated[str, Field(pattern=_ID, max_length=40)],
    around: Annotated[int, Query(ge=0, le=500)] = 20,
) -> dict[str, Any]:
    """The line of this id, with lines of the whole environment before and after it."""
    await sync_to_async(lookup.environment)(project, environment)
    asked = {"project": project, "environment": environment, "id": line_id, "around": around}
    return await worker_client.ask(config().paths, {"query": "line", **asked})


@router.get("/environments/{project}/{environment}/logs/download", summary="Download logs")
async def download(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    narrowing: Query[Narrowing],
    form: Annotated[Literal["text", "jsonl"], Query(alias="format")] = "text",
) -> StreamingHttpResponse:
    """Everything that is found, oldest first, as a file: text, or an object of JSON for each line.

    A file that could not be read to its end says so in its last line.
    """
    await sync_to_async(lookup.environment)(project, environment)
    asked = {"query": "logs", **narrowing.question(project, environment), "tail": None, "follow": False}
    rows = worker_client.stream(config().paths, asked)
    first = await anext(rows, None)  # its error has a status of its own
    kind = "text/plain; charset=utf-8" if form == "text" else "application/x-ndjson"
    answer = StreamingHttpResponse(_file(first, rows, form), content_type=kind)
    name = f"{project}-{environment}.{'log' if form == 'text' else 'jsonl'}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


async def _file(
    first: dict[str, Any] | None, rows: AsyncIterator[dict[str, Any]], form: str
) -> AsyncGenerator[bytes, None]:
    row = first
    try:
        while row is not None:
            yield (as_text(row) if form == "text" else json.dumps(row, ensure_ascii=False)).encode() + b"\n"
            row = await anext(rows, None)
    except HavreError as error:
        told = f"[havre] the log could not be read to its end: {error.message}"
        yield (told if form == "text" else json.dumps({"error": told})).encode() + b"\n"
    finally:
        await rows.aclose()  # type: ignore[attr-defined] # an async generator


def as_text(row: dict[str, Any]) -> str:
    """A row as one line of a text file, or several: ``TIME SERVICE rRELEASE LEVEL | TEXT``."""
    release = f" r{row['release']}" if row.get("release") else ""
    level = f" {row['level'].upper()}" if row.get("level") else ""
    return f"{row.get('at')} {row.get('service') or row.get('stream')}{release}{level} | {row.get('line')}"
