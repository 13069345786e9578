"""Figures to whoever takes OTLP over HTTP (SigNoz, an OpenTelemetry collector), by OpenTelemetry's SDK.

It is an extra, ``havre[otlp]``: few servers have such a receiver. Logs: :mod:`havre.adapters.otlp.logs`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from havre.errors import HavreError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import Metric

TIMEOUT: Final = 10.0  # seconds
SCOPE: Final = "havre"


@dataclass(frozen=True)
class Point:
    """A figure.

    Attributes:
        name: of the metric.
        value: of it.
        labels: whose it is.
    """

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Where figures go.

    Args:
        endpoint: its address, ``/v1/metrics`` included.
        headers: sent with each request; they may hold a token.
        resource: what tells this server from others.

    Raises:
        HavreError: the extra is not installed.
    """

    def __init__(self, endpoint: str, *, headers: Mapping[str, str], resource: Mapping[str, str]) -> None:
        self._resource = dict(resource)
        self._exporter = _exporter(endpoint, headers)

    def send(self, points: Sequence[Point], at: float) -> None:
        """Send figures of a time.

        Args:
            points: any number; they go in pieces.
            at: seconds since the epoch.

        Raises:
            HavreError: they were not taken.
        """
        from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415 - an extra
            MetricExportResult,
            MetricsData,
            ResourceMetrics,
            ScopeMetrics,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - an extra

        scope = ScopeMetrics(InstrumentationScope(SCOPE), _metrics(points, at), "")
        data = MetricsData([ResourceMetrics(Resource(self._resource), [scope], "")])
        if self._exporter.export(data, timeout_millis=TIMEOUT * 1000) is not MetricExportResult.SUCCESS:
            raise HavreError("the OTLP receiver did not take the figures", retryable=True)

    def close(self) -> None:
        """Give its connections back."""
        self._exporter.shutdown()


@contextmanager
def extra() -> Iterator[None]:
    """For imports of the extra.

    Raises:
        HavreError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise HavreError(
            "OTLP needs the extra otlp, which is not installed", hint="pip install 'havre[otlp]'"
        ) from error


def _exporter(endpoint: str, headers: Mapping[str, str]) -> OTLPMetricExporter:
    with extra():
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - an extra
            OTLPMetricExporter,
        )
    return OTLPMetricExporter(endpoint=endpoint, headers=dict(headers), timeout=TIMEOUT)


def _metrics(points: Sequence[Point], at: float) -> list[Metric]:
    from opentelemetry.sdk.metrics.export import Gauge, Metric, NumberDataPoint  # noqa: PLC0415 - an extra

    nano, by_name = int(at * 1e9), defaultdict[str, list[Any]](list)
    for point in points:
        by_name[point.name].append(NumberDataPoint(dict(point.labels), nano, nano, point.value))
    return [Metric(name, None, "", Gauge(found)) for name, found in by_name.items()]
