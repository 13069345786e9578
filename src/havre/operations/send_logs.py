"""Send lines of logs by OTLP, as they are stored: without secrets, joined and sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from havre.adapters.logs.writer import Stored
from havre.adapters.otlp.logs import LogLine, LogReceiver
from havre.config import Config
from havre.domain.logs.sources import source_of
from havre.operations.metrics import export

_A_PIECE: Final = 1000
"""Lines of one request."""


def receiver(config: Config) -> LogReceiver:
    """Where the settings say that logs go.

    Raises:
        UsageError: the file of headers cannot be read, or is none.
        HavreError: the extra is not installed.
    """
    headers = export.headers(config)
    return LogReceiver(config.otlp_logs_endpoint, headers=headers, resource=export.resource(config))


def send(to: LogReceiver, lines: Sequence[Stored]) -> int:
    """Send the first lines, as many as go into one request; how many that were.

    Raises:
        HavreError: they were not taken.
    """
    piece = lines[:_A_PIECE]
    to.send([_line(each) for each in piece])
    return len(piece)


def _line(stored: Stored) -> LogLine:
    source, record = source_of(stored.source), stored.record
    place = "/".join(filter(None, (source.project, source.environment)))
    labels = {
        "project": source.project,
        "environment": source.environment,
        "release": str(record.release or ""),
        "task": record.task,
        "log.iostream": record.stream,
        "havre.line": str(stored.id),
    }
    return LogLine(
        record.at,
        record.level,
        record.text,
        {"service.name": source.service or "havre", "service.namespace": place},
        {name: value for name, value in labels.items() if value},
    )
