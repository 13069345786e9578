"""A small HTTP server that answers like Havre's API, on a unix socket or by HTTPS on loopback.

It says what a test tells it to, remembers what it was asked, and can break a connection in the
middle of a stream, which the real one does only when it dies.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

BREAK = "break the connection"
PAUSE = "wait for the test"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


@dataclass
class StandIn:
    """What to answer: JSON by method and path, streams as one list of parts per connection."""

    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    streams: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    stream_type: str = "text/event-stream"
    asked: list[Asked] = field(default_factory=list)
    resume: threading.Event = field(default_factory=threading.Event)
    refuse: Callable[[Asked], tuple[int, Any] | None] = lambda _: None
    """What to answer instead, if anything."""

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        self.answers[method, path] = (status, body)

    def of(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]


def event(number: int, kind: str, **data: Any) -> str:
    data.setdefault("at", f"2026-01-31T12:03:{number % 60:02}+00:00")
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def log_message(self, *_: Any) -> None:
        pass

    def address_string(self) -> str:
        return "test"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.stand_in.asked.append(
            Asked(self.command, parts.path, parse_qs(parts.query), body, dict(self.headers.items()))
        )
        if parts.path in self.stand_in.streams and self.command == "GET":
            self._stream(parts.path)
            return
        missing = {"title": "Not Found", "status": 404, "detail": "there is nothing at this path", "hint": ""}
        found = self.stand_in.answers.get((self.command, parts.path), (404, missing))
        status, answer = self.stand_in.refuse(self.stand_in.asked[-1]) or found
        content = (
            b"" if answer is None else answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, path: str) -> None:
        connections = self.stand_in.streams[path]
        parts = connections.pop(0) if len(connections) > 1 else connections[0]
        self.send_response(200)
        self.send_header("Content-Type", self.stand_in.stream_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            if part == BREAK:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if part == PAUSE:
                self.stand_in.resume.wait(20)
                continue
            self._chunk(part.encode())
        self._chunk(b"")

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what some tests are about."""


class _TcpServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        pass


@contextmanager
def on_socket(path: Path) -> Iterator[StandIn]:
    """A stand-in that listens on a unix socket."""
    stand_in = StandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with _UnixServer(str(path), handler) as server:
        yield from _running(server, stand_in)


@contextmanager
def on_tcp(certificate: Path | None = None, key: Path | None = None) -> Iterator[tuple[StandIn, int]]:
    """A stand-in on a port of 127.0.0.1, with TLS if a certificate is given."""
    stand_in = StandIn()
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    with _TcpServer(("127.0.0.1", 0), handler) as server:
        if certificate and key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        for _ in _running(server, stand_in):
            yield stand_in, server.server_address[1]


def _running(server: socketserver.BaseServer, stand_in: StandIn) -> Iterator[StandIn]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.resume.set()
        server.shutdown()
        thread.join(5)


def wait_for(condition: Any, seconds: float = 10) -> None:
    """Wait until something is so; fail if it does not become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)
