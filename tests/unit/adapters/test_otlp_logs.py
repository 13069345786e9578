"""Logs by OTLP, against a receiver that reads it by the protocol's own classes."""

import threading
import time
from types import SimpleNamespace

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from havre.adapters.logs.writer import Stored
from havre.adapters.otlp.logs import LogLine, LogReceiver
from havre.config import Config
from havre.controllers import log_export
from havre.controllers.log_export import LogExport
from havre.domain.logs.levels import Level
from havre.domain.logs.record import LineId, Record
from havre.errors import HavreError
from havre.operations.live_log import LiveLog
from support.operations import wait_for
from support.taker import taking


@pytest.fixture
def taker():
    with taking(ExportLogsServiceRequest.FromString) as found:
        yield found


def attributes(found):
    return {each.key: each.value.string_value for each in found}


def line(text, service, level=Level.INFO):
    return LogLine(5, level, text, {"service.name": service}, {"task": "t1"})


def stored(number, text="hello"):
    return Stored(
        "shop/production/web",
        LineId("20261130", 1, number),
        Record(number, number, Level.ERROR, "t1", "stderr", 3, text),
    )


def bodies(taker):
    return [
        record.body.string_value
        for request in list(taker.taken)
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def test_lines_get_there_by_their_source_with_level_and_labels(taker):
    receiver = LogReceiver(
        f"{taker.url}/v1/logs", headers={}, resource={"service.name": "havre", "host.name": "h"}
    )
    receiver.send(
        [line("one", "web", Level.WARN), line("two", "db"), line("three\n  at x", "web", Level.UNKNOWN)]
    )
    receiver.close()
    (request,) = taker.taken
    by_service = {
        attributes(each.resource.attributes)["service.name"]: each.scope_logs[0].log_records
        for each in request.resource_logs
    }
    assert [each.body.string_value for each in by_service["web"]] == ["one", "three\n  at x"]
    assert [each.severity_number for each in by_service["web"]] == [13, 0]
    (db,) = by_service["db"]
    assert (db.time_unix_nano, db.severity_text, attributes(db.attributes)) == (5, "INFO", {"task": "t1"})
    assert all(attributes(each.resource.attributes)["host.name"] == "h" for each in request.resource_logs)


def test_a_receiver_that_refuses_is_told(taker):
    taker.status = 400
    receiver = LogReceiver(f"{taker.url}/v1/logs", headers={}, resource={})
    with pytest.raises(HavreError, match="did not take"):
        receiver.send([line("x", "web")])
    receiver.close()


def test_what_is_stored_is_sent_and_what_was_refused_is_sent_again(taker, tmp_path, monkeypatch):
    monkeypatch.setattr(log_export, "_RETRY", 0.05)
    monkeypatch.setattr(log_export, "_PAUSE", 0.05)
    taker.status = 400
    config = Config(state=tmp_path, otlp_logs_endpoint=f"{taker.url}/v1/logs")
    platform, live = SimpleNamespace(config=config, stopping=threading.Event()), LiveLog()
    LogExport(platform, live).start()
    wait_for(lambda: live._followers)
    live.publish([stored(1, "first")])
    time.sleep(0.2)
    live.publish([stored(2, "second")])
    assert bodies(taker) == []
    taker.status = 200
    wait_for(lambda: bodies(taker) == ["first", "second"])
    platform.stopping.set()
    resource = taker.taken[0].resource_logs[0]
    assert attributes(resource.resource.attributes)["service.namespace"] == "shop/production"
    labels = attributes(resource.scope_logs[0].log_records[0].attributes)
    assert (labels["project"], labels["release"], labels["log.iostream"]) == ("shop", "3", "stderr")


def test_without_an_address_nothing_is_sent(tmp_path):
    live = LiveLog()
    LogExport(SimpleNamespace(config=Config(state=tmp_path), stopping=threading.Event()), live).start()
    assert not live._followers
