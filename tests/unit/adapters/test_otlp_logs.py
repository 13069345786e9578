"""Logs by OTLP, against a receiver that reads it by the protocol's own classes."""

import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import ClassVar

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


@pytest.fixture
def taker():
    class Handler(BaseHTTPRequestHandler):
        status = 200
        got: ClassVar = []

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.status == 200:
                self.got.append(ExportLogsServiceRequest.FromString(body))
            self.send_response(self.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{server.server_port}/v1/logs"
    yield Handler
    server.shutdown()
    server.server_close()


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
        for request in list(taker.got)
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def test_lines_get_there_by_their_source_with_level_and_labels(taker):
    receiver = LogReceiver(taker.url, headers={}, resource={"service.name": "havre", "host.name": "h"})
    receiver.send(
        [line("one", "web", Level.WARN), line("two", "db"), line("three\n  at x", "web", Level.UNKNOWN)]
    )
    receiver.close()
    (request,) = taker.got
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
    receiver = LogReceiver(taker.url, headers={}, resource={})
    with pytest.raises(HavreError, match="did not take"):
        receiver.send([line("x", "web")])
    receiver.close()


def test_what_is_stored_is_sent_and_what_was_refused_is_sent_again(taker, tmp_path, monkeypatch):
    monkeypatch.setattr(log_export, "_RETRY", 0.05)
    monkeypatch.setattr(log_export, "_PAUSE", 0.05)
    taker.status = 400
    config = Config(state=tmp_path, otlp_logs_endpoint=taker.url)
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
    resource = taker.got[0].resource_logs[0]
    assert attributes(resource.resource.attributes)["service.namespace"] == "shop/production"
    labels = attributes(resource.scope_logs[0].log_records[0].attributes)
    assert (labels["project"], labels["release"], labels["log.iostream"]) == ("shop", "3", "stderr")


def test_without_an_address_nothing_is_sent(tmp_path):
    live = LiveLog()
    LogExport(SimpleNamespace(config=Config(state=tmp_path), stopping=threading.Event()), live).start()
    assert not live._followers
