"""An HTTP server that takes what is sent to it: the other end of webhooks, services and OTLP."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

_GOOD = 300


class Taker:
    """What came; it answers with ``status``.

    Attributes:
        status: of the answers from now on.
        got: what was read of each body, and the path of each GET, in the order in which they came.
        taken: those of them that were answered with success.
        headers: of each POST, by names in lower case.
        port: where it listens, on this machine only.
    """

    def __init__(self) -> None:
        self.status = 200
        self.got: list[Any] = []
        self.taken: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def taking(read: Callable[[bytes], Any] = json.loads) -> Iterator[Taker]:
    """A server that runs for a block.

    Args:
        read: makes of a body what is kept.
    """
    found = Taker()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            self._answer(read(body))

        def do_GET(self) -> None:
            self._answer(self.path)

        def _answer(self, what: Any) -> None:
            found.got.append(what)
            if found.status < _GOOD:
                found.taken.append(what)
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.port = server.server_port
        yield found
        server.shutdown()
