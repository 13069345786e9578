"""Webhooks, to a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from havre.adapters.notify.webhook import post
from havre.errors import HavreError


class Receiver:
    """Answers with these statuses, the last one for ever."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.received: list[tuple[str, Any]] = []
        self.url = ""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append((self.path, json.loads(body)))
            status = found.statuses.pop(0) if len(found.statuses) > 1 else found.statuses[0]
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook?key=s3cret"
        yield found
        server.shutdown()
        thread.join()


def test_it_is_posted_as_json(receiver: Receiver) -> None:
    assert post(receiver.url, {"job": "nightly"}) == 200
    assert receiver.received == [("/hook?key=s3cret", {"job": "nightly"})]


def test_a_server_that_is_busy_is_asked_again(receiver: Receiver) -> None:
    receiver.statuses = [503, 429, 204]
    assert post(receiver.url, {}, pause=0.01) == 204
    assert len(receiver.received) == 3


@pytest.mark.parametrize(("status", "times"), [(500, 3), (404, 1), (302, 1)])
def test_a_refusal_is_told_without_the_address(receiver: Receiver, status: int, times: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(HavreError) as caught:
        post(receiver.url, {}, pause=0.01)
    assert str(status) in caught.value.message
    assert "s3cret" not in caught.value.message
    assert len(receiver.received) == times


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/s3cret", "http://no-such-host.invalid/s3cret", "http://[/s3cret"]
)
def test_what_cannot_be_reached_is_told_without_the_address(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(HavreError, match="did not get there") as caught:
        post(url, {}, pause=0.01)
    assert "s3cret" not in str(caught.value)
