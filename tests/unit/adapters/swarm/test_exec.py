"""What a command in a container wrote arrives whole, however it is cut on its way."""

from __future__ import annotations

import json
import socketserver
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.exec import Session
from havre.errors import EngineError

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def frame(text: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxL", stream, len(text)) + text


class Answers(BaseHTTPRequestHandler):
    """As an engine answers about one command; ``pieces`` is what it sends of the stream, one by one."""

    pieces: tuple[bytes, ...] = ()
    exit_codes: list[int | None]

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer({"ApiVersion": "1.41"})
        else:
            left = self.exit_codes
            self._answer({"ExitCode": left.pop(0) if len(left) > 1 else left[0]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/start"):
            self.close_connection = True
            for number, piece in enumerate(self.pieces):
                time.sleep(0.01 if number else 0.0)
                self.wfile.write(piece)
                self.wfile.flush()
        else:
            self._answer({"Id": "e"})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def answers() -> type[Answers]:
    return type("These", (Answers,), {"exit_codes": [0]})


@pytest.fixture
def run(answers: type[Answers]) -> Iterator[Callable[..., tuple[int, bytes, bytes]]]:
    """Runs a command; its exit code, its output and its standard error."""
    with tempfile.TemporaryDirectory(prefix="x") as folder:  # the path of a socket is short
        path = str(Path(folder) / "s")
        with _Server(path, answers) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

            def command(*pieces: bytes) -> tuple[int, bytes, bytes]:
                answers.pieces = pieces
                with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                    session = Session(Engine(f"unix://{path}"), "c", ["x"], tty=False, stdin=False)
                    code = session.run(-1, out.fileno(), err.fileno())
                    out.seek(0)
                    err.seek(0)
                    return code, out.read(), err.read()

            yield command
            server.shutdown()


SENT = HEAD + frame(b"one\n") + frame(b"wrong\n", 2) + frame(b"two\n")


@pytest.mark.parametrize("cut", [len(SENT), len(HEAD), len(HEAD) - 2, len(HEAD) + 3, len(HEAD) + 10])
def test_nothing_is_lost_wherever_it_is_cut(run: Callable[..., tuple[int, bytes, bytes]], cut: int) -> None:
    assert run(SENT[:cut], SENT[cut:]) == (0, b"one\ntwo\n", b"wrong\n")


def test_byte_by_byte(run: Callable[..., tuple[int, bytes, bytes]]) -> None:
    assert run(*(bytes([byte]) for byte in SENT)) == (0, b"one\ntwo\n", b"wrong\n")


def test_an_exit_code_that_comes_late_is_waited_for(
    run: Callable[..., tuple[int, bytes, bytes]], answers: type[Answers]
) -> None:
    answers.exit_codes = [None, None, 3]
    assert run(SENT) == (3, b"one\ntwo\n", b"wrong\n")


def test_output_that_the_engine_cut_off_is_told(run: Callable[..., tuple[int, bytes, bytes]]) -> None:
    for cut in (1, 4, len(frame(b"two\n")) - 1):
        with pytest.raises(EngineError, match="cut off"):
            run(SENT[:-cut])


def test_a_refusal_is_told(run: Callable[..., tuple[int, bytes, bytes]]) -> None:
    with pytest.raises(EngineError, match="container is paused"):
        run(b"HTTP/1.1 409 Conflict\r\nContent-Length: 19\r\n\r\ncontainer is paused")
