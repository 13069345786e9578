"""``/metrics`` in the format of Prometheus, gathered from the records when asked."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from havre.adapters.metrics import Store
from havre.config import config
from havre.domain.access import Action
from havre.domain.metrics.exposition import exposed
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.health import worker_seen_seconds
from havre.interfaces.api.problems import problem
from havre.interfaces.api.version import version
from havre.records.models import Environment, Incident, Operation


class Records(Collector):
    """What the platform remembers, in numbers."""

    def describe(self) -> Iterable[Metric]:
        """Nothing is read when this is registered."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Read the records."""
        yield GaugeMetricFamily("havre_environments", "Environments.", value=Environment.objects.count())
        seen = worker_seen_seconds()
        if seen is not None:
            yield GaugeMetricFamily(
                "havre_worker_seen_seconds", "Age of the worker's last sign of life.", seen
            )
        build = GaugeMetricFamily("havre_build_info", "Version of Havre.", labels=("version",))
        build.add_metric((version(),), 1)
        yield build
        yield _operations()
        yield _durations()
        yield from _figures()
        yield _alerts()


def _figures() -> Iterable[Metric]:
    """The newest figures of the store, which the worker collects."""
    store, now = Store(config().paths.metrics), time.time()
    families: dict[str, GaugeMetricFamily] = {}
    for owner in store.owners():
        for series, value in store.newest(owner, now).items():
            each = exposed(owner, series)
            if each.name not in families:
                families[each.name] = GaugeMetricFamily(each.name, f"{series}.", labels=tuple(each.labels))
            families[each.name].add_metric(tuple(each.labels.values()), value)
    yield from families.values()


def _alerts() -> Metric:
    family = GaugeMetricFamily("havre_alerts", "Alerts that last.", labels=("check", "severity"))
    counted = Incident.objects.filter(over_at=None).values_list("kind", "severity")
    for kind, severity, number in counted.annotate(number=Count("id")).order_by():
        family.add_metric((kind, severity), number)
    return family


def _operations() -> Metric:
    family = GaugeMetricFamily("havre_operations", "Operations on record.", labels=("kind", "state"))
    counted = Operation.objects.values_list("kind", "state").annotate(number=Count("id")).order_by()
    for kind, state, number in counted:
        family.add_metric((kind, state), number)
    return family


def _durations() -> Metric:
    family = GaugeMetricFamily(
        "havre_operation_last_seconds", "Duration of the last one that ended.", labels=("kind", "state")
    )
    newest = (
        Operation.objects.exclude(started_at=None)
        .exclude(finished_at=None)
        .values("kind", "state")
        .annotate(newest=Max("id"))
        .order_by()
        .values_list("newest", flat=True)
    )
    for operation in Operation.objects.filter(pk__in=list(newest)):
        if operation.seconds is not None:
            family.add_metric((operation.kind, operation.state), operation.seconds)
    return family


# A registry of its own: the library's global one gathers more than is needed.
_REGISTRY = CollectorRegistry()
_REGISTRY.register(Records())
ProcessCollector(namespace="havre_web", registry=_REGISTRY)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All numbers, as text; 403 for who has no role on the server."""
    if not caller_of(request).may(Action.READ_METRICS):
        return problem(HTTPStatus.FORBIDDEN, "you may not read metrics", hint="it takes a role on the server")
    return HttpResponse(generate_latest(_REGISTRY), content_type=CONTENT_TYPE_LATEST)
