"""Log lines of services, from any node of the Swarm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import requests
from docker.errors import DockerException

from havre.adapters.swarm.engine import Engine
from havre.errors import EngineError


@dataclass(frozen=True)
class LogLine:
    """One line a task wrote; ``at`` as RFC 3339 with nanoseconds, as the engine noted it."""

    at: str
    task: str
    text: str


class QuietLog(Exception):  # noqa: N818 - it is a state, not an error
    """Nothing was written for :data:`QUIET` seconds while a log was followed."""


QUIET = 15
"""Seconds without a line after which a follow gives its caller the choice to end."""


def read_service(engine: Engine, service: str, *, since: int | None, tail: int | None) -> list[LogLine]:
    """The lines of a service's tasks until now.

    Args:
        engine: where the service is.
        service: name of the Swarm service.
        since: only lines after this moment, seconds of the epoch.
        tail: only this many of the last lines, per task.
    """
    return list(_stream(engine, service, since=since, tail=tail, follow=False))


def follow_service(engine: Engine, service: str, *, since: int | None, tail: int | None) -> Iterator[LogLine]:
    """The lines of a service's tasks, as they are written, until the service is removed.

    Raises:
        QuietLog: nothing came for a while.
        EngineError: there is no such service, or the engine does not answer.
    """
    yield from _stream(engine, service, since=since, tail=tail, follow=True)


def _stream(
    engine: Engine, service: str, *, since: int | None, tail: int | None, follow: bool
) -> Iterator[LogLine]:
    client = engine.connect(timeout=QUIET if follow else 60)
    try:
        yield from _lines(
            client.service_logs(
                service,
                details=True,
                timestamps=True,
                follow=follow,
                stdout=True,
                stderr=True,
                since=since or 0,
                tail="all" if tail is None else str(tail),
                is_tty=False,
            )
        )
    except requests.RequestException as error:
        if follow:
            raise QuietLog from error
        raise EngineError(f"reading the log of {service}: {error}", retryable=True) from error
    except DockerException as error:
        raise EngineError(f"reading the log of {service}: {error}", retryable=True) from error
    finally:
        client.close()


def _lines(chunks: Iterator[bytes]) -> Iterator[LogLine]:
    for chunk in chunks:
        for line in chunk.decode(errors="replace").splitlines():
            yield parse_line(line)


def parse_line(line: str) -> LogLine:
    """``TIME key=value,key=value TEXT``, as the engine writes it with details and timestamps."""
    at, _, rest = line.partition(" ")
    details, _, text = rest.partition(" ")
    pairs = dict(pair.partition("=")[::2] for pair in details.split(","))
    return LogLine(at=at, task=pairs.get("com.docker.swarm.task.id", ""), text=text)
