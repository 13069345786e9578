"""Lines of logs to whoever takes OTLP over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from havre.adapters.otlp import SCOPE, TIMEOUT, extra
from havre.domain.logs.levels import Level
from havre.errors import HavreError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource

_SEVERITIES: Final = {
    Level.UNKNOWN: 0,
    Level.TRACE: 1,
    Level.DEBUG: 5,
    Level.INFO: 9,
    Level.WARN: 13,
    Level.ERROR: 17,
    Level.FATAL: 21,
}
"""https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber"""


@dataclass(frozen=True)
class LogLine:
    """A line, or lines that belong together.

    Attributes:
        at: nanoseconds since the epoch.
        level: what it tells.
        text: of it.
        source: attributes of what wrote it, by the names of OpenTelemetry's conventions (``service.name``).
        labels: of the line itself.
    """

    at: int
    level: Level
    text: str
    source: Mapping[str, str]
    labels: Mapping[str, str]


class LogReceiver:
    """Where lines go.

    Args:
        endpoint: its address, ``/v1/logs`` included.
        headers: sent with each request; they may hold a token.
        resource: what tells this server from others.

    Raises:
        HavreError: the extra is not installed.
    """

    def __init__(self, endpoint: str, *, headers: Mapping[str, str], resource: Mapping[str, str]) -> None:
        self._server = dict(resource)
        self._exporter = _exporter(endpoint, headers)

    def send(self, lines: Sequence[LogLine]) -> None:
        """Send lines, those of one source together.

        Raises:
            HavreError: they were not taken.
        """
        from opentelemetry.sdk._logs.export import LogRecordExportResult  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra

        resources: dict[tuple[tuple[str, str], ...], Resource] = {}
        records = []
        for line in lines:
            key = tuple(sorted(line.source.items()))
            if key not in resources:
                resources[key] = Resource({**self._server, **line.source})
            records.append(_record(line, resources[key]))
        if self._exporter.export(records) is not LogRecordExportResult.SUCCESS:
            raise HavreError("the OTLP receiver did not take the log", retryable=True)

    def close(self) -> None:
        """Give its connections back."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _exporter(endpoint: str, headers: Mapping[str, str]) -> OTLPLogExporter:
    with extra():
        from opentelemetry.exporter.otlp.proto.http._log_exporter import (  # noqa: PLC0415 - an extra
            OTLPLogExporter,
        )
    return OTLPLogExporter(endpoint=endpoint, headers=dict(headers), timeout=TIMEOUT)


def _record(line: LogLine, resource: Resource) -> ReadableLogRecord:
    from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: PLC0415 - an extra
    from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - an extra

    labels: dict[str, Any] = dict(line.labels)
    said = LogRecord(
        timestamp=line.at,
        observed_timestamp=line.at,
        severity_number=SeverityNumber(_SEVERITIES[line.level]),
        severity_text=line.level.name if line.level else None,
        body=line.text,
        attributes=labels,
    )
    return ReadableLogRecord(said, resource, InstrumentationScope(SCOPE))
