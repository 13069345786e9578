"""Traefik's metrics of its load balancers, as values.

Names and labels: https://doc.traefik.io/traefik/reference/install-configuration/observability/metrics/
(``traefik_service_requests_total`` and ``traefik_service_request_duration_seconds``, 3.7).
"""

from __future__ import annotations

from collections import defaultdict
from http import HTTPStatus

from prometheus_client.parser import text_string_to_metric_families

from havre.adapters.traefik.servers import beside_name, tasks_name
from havre.domain.canary import Traffic

_REQUESTS = "traefik_service_requests_total"
_DURATION = "traefik_service_request_duration_seconds_bucket"
_PROVIDER = "@file"


def traffic(text: str, name: str) -> tuple[Traffic, Traffic]:
    """What the tasks of a routed service answered since the router started: live release, beside it.

    Args:
        text: in Prometheus' text format, of :meth:`~havre.adapters.traefik.Router.metrics`.
        name: of the :class:`~havre.domain.routes.RoutedService`.
    """
    wanted = [f"{tasks_name(each)}{_PROVIDER}" for each in (name, beside_name(name))]
    requests: dict[str, int] = defaultdict(int)
    errors: dict[str, int] = defaultdict(int)
    within: dict[str, dict[float, int]] = {service: defaultdict(int) for service in wanted}
    # Only these lines: a server with many services has thousands, and they are read every second.
    lines = [line for line in text.splitlines() if any(f'service="{service}"' in line for service in wanted)]
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            service = sample.labels.get("service", "")
            if service not in wanted:
                continue
            if sample.name == _REQUESTS:
                requests[service] += int(sample.value)
                if int(sample.labels["code"]) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    errors[service] += int(sample.value)
            elif sample.name == _DURATION:
                within[service][float(sample.labels["le"])] += int(sample.value)
    live, beside = (
        Traffic(requests[service], errors[service], tuple(sorted(within[service].items())))
        for service in wanted
    )
    return live, beside
