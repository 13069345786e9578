"""Against a receiver that reads OTLP by its own protocol's classes."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from havre.adapters.otlp import Point, Receiver
from havre.errors import HavreError
from support.taker import taking


@pytest.fixture
def taker():
    with taking(ExportMetricsServiceRequest.FromString) as found:
        yield found


def test_figures_get_there_with_their_labels_and_time(taker):
    receiver = Receiver(
        f"{taker.url}/v1/metrics", headers={"x-token": "abc"}, resource={"service.name": "havre"}
    )
    api = {"project": "shop", "service": "api"}
    points = [
        Point("havre_host_load_1", 1.5),
        Point("havre_service_requests", 12.0, api),
        Point("havre_service_requests", 3.0, {**api, "service": "web"}),
    ]
    receiver.send(points, 1_800_000_000.5)
    receiver.close()
    (request,) = taker.got
    (resource,) = request.resource_metrics
    assert {each.key: each.value.string_value for each in resource.resource.attributes} == {
        "service.name": "havre"
    }
    found = {each.name: each for each in resource.scope_metrics[0].metrics}
    (load,) = found["havre_host_load_1"].gauge.data_points
    assert (load.as_double, load.time_unix_nano) == (1.5, 1_800_000_000_500_000_000)
    requests = found["havre_service_requests"].gauge.data_points
    assert [point.as_double for point in requests] == [12.0, 3.0]
    assert {each.key: each.value.string_value for each in requests[0].attributes} == api
    assert taker.headers[0]["x-token"] == "abc"


def test_a_receiver_that_refuses_is_told(taker):
    taker.status = 400
    receiver = Receiver(f"{taker.url}/v1/metrics", headers={}, resource={})
    with pytest.raises(HavreError, match="did not take"):
        receiver.send([Point("x", 1.0)], 1_800_000_000)
    receiver.close()
