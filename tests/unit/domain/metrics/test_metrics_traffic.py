from math import inf

import pytest

from havre.domain.metrics.counters import Reading
from havre.domain.metrics.traffic import traffic

BEFORE = Reading(0, {"2xx": 100, "sent_bytes": 5000})


def test_traffic_between_two_readings():
    now = Reading(10, {"2xx": 190, "5xx": 10, "sent_bytes": 6000})
    found = traffic(BEFORE, now, {0.1: 90, 1.0: 100, inf: 100}, {0.1: 140, 1.0: 200, inf: 200})
    assert found["requests"] == 10
    assert found["requests.2xx"] == 9
    assert found["requests.5xx"] == 1
    assert found["errors_share"] == pytest.approx(0.1)
    assert found["sent_bytes"] == 100
    assert found["latency.p50"] == pytest.approx(0.1)
    assert found["latency.p95"] == pytest.approx(0.91)


def test_without_requests_there_is_no_latency_and_no_share():
    found = traffic(BEFORE, Reading(10, dict(BEFORE.counts)), {inf: 100}, {inf: 100})
    assert found == {"requests.2xx": 0, "requests": 0, "sent_bytes": 0}


def test_a_router_that_restarted_began_anew():
    found = traffic(
        BEFORE, Reading(10, {"2xx": 20, "sent_bytes": 10}), {0.1: 100, inf: 100}, {0.1: 0, inf: 20}
    )
    assert found["requests"] == 2
    assert found["latency.p95"] == 0.1


def test_the_first_reading_tells_nothing():
    assert traffic(None, BEFORE, {}, {inf: 100}) == {}
