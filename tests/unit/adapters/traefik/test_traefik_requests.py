from math import inf

from havre.adapters.traefik import requests

TEXT = """# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-production-api-tasks@file"} 40
traefik_service_requests_total{code="204",method="POST",protocol="http",service="shop-production-api-tasks@file"} 2
traefik_service_requests_total{code="502",method="GET",protocol="http",service="shop-production-api-beside-tasks@file"} 3
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-production-api@file"} 45
traefik_service_requests_total{code="200",method="GET",protocol="http",service="prometheus@internal"} 9
# TYPE traefik_service_responses_bytes_total counter
traefik_service_responses_bytes_total{code="200",method="GET",protocol="http",service="shop-production-api-tasks@file"} 1e+06
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop-production-api-tasks@file",le="0.1"} 30
traefik_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",service="shop-production-api-tasks@file",le="+Inf"} 40
traefik_service_request_duration_seconds_bucket{code="204",method="POST",protocol="http",service="shop-production-api-tasks@file",le="0.1"} 1
traefik_service_request_duration_seconds_bucket{code="204",method="POST",protocol="http",service="shop-production-api-tasks@file",le="+Inf"} 2
traefik_router_requests_total{code="200",method="GET",protocol="http",router="x@file",service="shop-production-api-tasks@file"} 99
"""  # noqa: E501


def test_requests_of_a_route_with_what_stands_beside_it():
    found = requests(TEXT)
    assert list(found) == ["shop-production-api"]
    api = found["shop-production-api"]
    assert api.classes == {"2xx": 42, "5xx": 3}
    assert api.within == {0.1: 31, inf: 42}
    assert api.sent == 1_000_000


def test_a_router_that_answered_nothing_yet():
    assert requests("") == {}
