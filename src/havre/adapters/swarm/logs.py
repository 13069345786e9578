"""Log lines of services, from any node of the Swarm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import docker

from havre.adapters.swarm.engine import Engine
from havre.errors import EngineError


@dataclass(frozen=True)
class LogLine:
    """One line a task wrote; ``at`` as RFC 3339 with nanoseconds, as the engine noted it."""

    at: str
    task: str
    text: str


def service_logs(
    engine: Engine, service: str, *, since: int | None, tail: int | None, follow: bool
) -> tuple[docker.APIClient, Iterator[LogLine]]:
    """The lines of a service's tasks, and the connection whose closing ends a follow.

    Args:
        engine: where the service is.
        service: name of the Swarm service.
        since: only lines after this moment, seconds of the epoch.
        tail: only this many of the last lines, per task.
        follow: go on with lines as they are written.
    """
    client = engine.connect(timeout=24 * 3600 if follow else 60)
    try:
        chunks = client.service_logs(
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
    except docker.errors.DockerException as error:
        client.close()
        raise EngineError(f"reading the log of {service}: {error}", retryable=True) from error
    return client, _lines(chunks)


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
