"""All requests of all routed services, from Traefik's metrics (see :mod:`havre.adapters.traefik.metrics`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from havre.adapters.traefik.servers import beside_name, tasks_name

_REQUESTS: Final = "traefik_service_requests_total"
_BUCKETS: Final = "traefik_service_request_duration_seconds_bucket"
_SENT: Final = "traefik_service_responses_bytes_total"
_WANTED: Final = (_REQUESTS, _BUCKETS, _SENT)
_TASKS: Final = f"{tasks_name('')}@file"
_BESIDE: Final = beside_name("")


@dataclass
class Requests:
    """Of one routed service, the release beside the live one included; all since the router started.

    Attributes:
        classes: answers by class of their status: ``2xx`` and so on.
        within: how many took at most so many seconds, cumulative, by seconds.
        sent: bytes of the answers.
    """

    classes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    within: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    sent: float = 0.0


def requests(text: str) -> Mapping[str, Requests]:
    """By the name of the :class:`~havre.domain.routes.RoutedService`.

    Args:
        text: in Prometheus' text format, of :meth:`~havre.adapters.traefik.Router.metrics`.
    """
    found: dict[str, Requests] = defaultdict(Requests)
    lines = [line for line in text.splitlines() if line.startswith(_WANTED) and _TASKS in line]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            service = sample.labels.get("service", "")
            if not service.endswith(_TASKS):
                continue
            name = service.removesuffix(_TASKS).removesuffix(_BESIDE)
            if sample.name == _REQUESTS:
                found[name].classes[f"{sample.labels['code'][:1]}xx"] += sample.value
            elif sample.name == _BUCKETS:
                found[name].within[float(sample.labels["le"])] += sample.value
            elif sample.name == _SENT:
                found[name].sent += sample.value
    return dict(found)
