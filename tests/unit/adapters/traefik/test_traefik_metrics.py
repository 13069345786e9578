from math import inf

from havre.adapters.traefik import traffic
from havre.domain.canary import Traffic

# As Traefik 3.7 writes it, shortened.
TEXT = """\
# HELP traefik_service_request_duration_seconds How long it took to process the request on a service.
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="p-e-api-tasks@file",le="0.1"} 90
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="p-e-api-tasks@file",le="+Inf"} 95
traefik_service_request_duration_seconds_sum{code="200",method="GET",protocol="http",service="p-e-api-tasks@file"} 3.1
traefik_service_request_duration_seconds_count{code="200",method="GET",protocol="http",service="p-e-api-tasks@file"} 95
traefik_service_request_duration_seconds_bucket{code="502",method="POST",protocol="http",service="p-e-api-tasks@file",le="0.1"} 4
traefik_service_request_duration_seconds_bucket{code="502",method="POST",protocol="http",service="p-e-api-tasks@file",le="+Inf"} 5
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="p-e-web-tasks@file",le="+Inf"} 7
# HELP traefik_service_requests_total How many HTTP requests processed on a service.
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="p-e-api-tasks@file"} 95
traefik_service_requests_total{code="502",method="POST",protocol="http",service="p-e-api-tasks@file"} 5
traefik_service_requests_total{code="404",method="GET",protocol="http",service="p-e-api-beside-tasks@file"} 3
traefik_service_requests_total{code="500",method="GET",protocol="http",service="p-e-api-beside-tasks@file"} 1
traefik_service_requests_total{code="200",method="GET",protocol="http",service="p-e-web-tasks@file"} 7
"""  # noqa: E501


def test_each_release_has_its_own_figures_over_all_methods_and_codes():
    live, beside = traffic(TEXT, "p-e-api")
    assert live == Traffic(100, 5, ((0.1, 94), (inf, 100)))
    assert beside == Traffic(4, 1, ())


def test_a_service_that_had_no_request_has_no_figures():
    assert traffic(TEXT, "p-e-other") == traffic("", "p-e-api") == (Traffic(), Traffic())
