"""Apprise, in its own process, against a server on this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from havre.adapters.notify.services import scheme, send
from havre.errors import HavreError


@pytest.fixture
def taker():
    class Handler(BaseHTTPRequestHandler):
        status = 200
        got: ClassVar = []

        def do_POST(self):
            self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(self.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.address = f"json://127.0.0.1:{server.server_port}/hook"
    yield Handler
    server.shutdown()
    server.server_close()


def test_a_message_gets_there(taker):
    send(taker.address, title="Disk full", text="state: 95 %", kind="failure")
    (got,) = taker.got
    assert (got["title"], got["message"], got["type"]) == ("Disk full", "state: 95 %", "failure")


def test_a_service_that_refuses_is_told(taker):
    taker.status = 500
    with pytest.raises(HavreError, match="did not take") as caught:
        send(taker.address, title="x", text="y")
    assert caught.value.retryable


def test_an_address_that_is_none_is_told_without_it():
    with pytest.raises(HavreError, match="does not know") as caught:
        send("nonsense://token-abc", title="x", text="y")
    assert "token-abc" not in str(caught.value.message)
    assert not caught.value.retryable


def test_the_scheme_is_no_secret():
    assert scheme("slack://T1/A2/secret") == "slack"
