"""What one task wrote, its two streams apart, from wherever it runs.

The engine sends a log as frames (https://docs.docker.com/reference/api/engine/version/v1.41/, "Stream
format"): a byte for the stream (1 is standard output, 2 standard error), three of padding, the length as
four bytes, big-endian, then the text. With timestamps each text begins with the time, in nanoseconds of
fixed width, so that times compare as text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import requests
from docker.errors import DockerException

from havre.adapters.swarm.engine import Engine
from havre.domain.snapshot import Task

_HEADER: Final = struct.Struct(">BxxxL")
_LONGEST_CHECK: Final = 300
_STREAMS: Final = {1: "stdout", 2: "stderr"}


@dataclass(frozen=True)
class Line:
    """One line; ``at`` is RFC 3339 in UTC with nanoseconds, ``stream`` is ``stdout`` or ``stderr``."""

    at: str
    stream: str
    text: str


def read_task(engine: Engine, task: Task, *, after: str = "") -> list[Line]:
    """The lines that a task wrote after a moment, in the order in which the engine got them.

    Args:
        engine: a manager of the Swarm.
        task: whose lines; one on another node is asked for by way of its service.
        after: time of the last line already known; empty for all.

    Raises:
        EngineError: the engine does not answer. A task without a container has written nothing.
    """
    if not task.container:
        return []
    params: dict[str, str] = {"stdout": "1", "stderr": "1", "timestamps": "1"}
    if after:
        params["since"] = _epoch(after)
    content = engine.raw_log(f"/containers/{task.container}/logs", params)
    if content is not None:
        return [line for line in lines_of(content) if line.at > after]
    content = engine.raw_log(f"/services/{task.service}/logs", {**params, "details": "1"})
    return [line for line in lines_of(content or b"", task=task.id) if line.at > after]


def lines_of(content: bytes, *, task: str = "") -> Iterator[Line]:
    """The lines in a log as the engine sent it.

    Args:
        content: the frames.
        task: of the log of a service, with details, only the lines of this task.
    """
    open_lines: dict[str, tuple[str, str]] = {}
    position = 0
    while position + _HEADER.size <= len(content):
        number, length = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        text = content[position : position + length].decode(errors="replace")
        position += length
        stream = _STREAMS.get(number, "stdout")
        at, _, rest = text.partition(" ")
        if task:
            details, _, rest = rest.partition(" ")
            if f"com.docker.swarm.task.id={task}" not in details.split(","):
                continue
        # A line beyond 16 KiB comes in pieces, each with a time of its own; the last ends the line.
        begun, before = open_lines.pop(stream, (at, ""))
        if rest.endswith("\n"):
            yield Line(begun, stream, before + rest.rstrip("\r\n"))
        else:
            open_lines[stream] = (begun, before + rest)
    for stream, (at, text) in open_lines.items():
        yield Line(at, stream, text)


def _epoch(at: str) -> str:
    """A time of the engine as it takes it back: seconds of the epoch and nanoseconds."""
    whole, _, fraction = at.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return f"{seconds}.{fraction.ljust(9, '0')}"


def last_check(engine: Engine, container: str) -> str:
    """What the engine's own check of a container of this node wrote last, in one line; empty if nothing."""
    client = engine.connect()
    try:
        health = client.inspect_container(container)["State"].get("Health") or {}
    except (DockerException, requests.RequestException):
        return ""
    finally:
        client.close()
    checks = health.get("Log") or [{}]
    return " ".join(str(checks[-1].get("Output", "")).split())[:_LONGEST_CHECK]
