"""A command inside a running container, joined to streams of this process.

The engine answers ``POST /exec/{id}/start`` by turning the connection into a stream
(https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Exec): with a terminal raw bytes, without
one the frames of a log (see ``output``). It attaches the streams before it starts the command. The SDK
hands out the socket below a buffer that may hold the first bytes already, and so loses what a short command
wrote when this machine is busy; here the request is written by hand, and all that came with the answer's
head is output. What the engine itself loses cannot be asked for again: two seconds after the command has
ended it closes the streams, whatever they still hold (moby, ``daemon/monitor.go``). A frame that was cut
then is told as an error; a command is not run a second time, for it may have done something.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import docker

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine
from havre.errors import EngineError

_CHUNK: Final = 64 * 1024
_HEADER: Final = struct.Struct(">BxxxL")
_STDERR: Final = 2
_LONGEST_HEAD: Final = 64 * 1024
_SETTLING: Final = 15.0  # seconds in which the engine knows that a command runs, or how it ended
_PAUSE: Final = 0.1  # seconds
_DOCKER_PORT: Final = 2375


class Session:
    """One command in one container.

    Raises:
        EngineError: the engine refused, or cannot be reached by a plain socket.
    """

    def __init__(self, engine: Engine, container: str, command: list[str], *, tty: bool, stdin: bool) -> None:
        self._engine = engine
        self._tty = tty
        self._stdin = stdin
        self._client: docker.APIClient = engine.connect()
        environment = {"TERM": os.environ["TERM"]} if tty and "TERM" in os.environ else {}
        with explained("starting a command in the container"):
            made = self._client.exec_create(container, command, stdin=stdin, tty=tty, environment=environment)
        self._id = str(made["Id"])

    def resize(self, columns: int, rows: int) -> None:
        """Tell another size of the terminal; one that has ended does not care."""
        try:
            self._client.exec_resize(self._id, height=rows, width=columns)
        except docker.errors.APIError:
            return

    def _resize_once_it_runs(self, columns: int, rows: int) -> None:
        """A busy engine answers before the command has its terminal, and refuses until then."""
        deadline = time.monotonic() + _SETTLING
        while time.monotonic() < deadline:
            try:
                self._client.exec_resize(self._id, height=rows, width=columns)
            except docker.errors.APIError:
                found = self._client.exec_inspect(self._id)
                if not found["Running"] and found["ExitCode"] is not None:
                    return
                time.sleep(_PAUSE)
            else:
                return

    def run(
        self,
        source: int,
        out: int,
        err: int,
        *,
        size: tuple[int, int] | None = None,
        patience: float | None = None,
    ) -> int:
        """Pass everything on until the command ends.

        Args:
            source: descriptor of what it reads, if the session was made with standard input.
            out: descriptor of its output.
            err: descriptor of its standard error, which a terminal does not tell apart.
            size: columns and rows of the terminal.
            patience: seconds in which nothing is passed on after which it is given up; by default it is not.

        Returns:
            The command's exit code.

        Raises:
            EngineError: the connection broke, the engine cut the output off, or nothing came for too long.
        """
        sink = _Raw(out) if self._tty else _Frames(out, err)
        connection, rest = self._start(size)
        with connection:
            if size:
                # Before API 1.42 an engine leaves out ConsoleSize, and the command is told a moment late.
                self._resize_once_it_runs(*size)
            self._pump(connection, rest, source, sink, patience)
        code = self._exit_code()
        if sink.is_cut:
            raise EngineError(
                f"the engine cut off what the command wrote; it ended with exit code {code}",
                hint="the server is busy: docker stats; run the command again if it may run twice",
            )
        return code

    def _start(self, size: tuple[int, int] | None) -> tuple[socket.socket, bytes]:
        wanted: dict[str, Any] = {"Detach": False, "Tty": self._tty}
        if size:
            wanted["ConsoleSize"] = [size[1], size[0]]
        body = json.dumps(wanted).encode()
        head = (
            f"POST /v{self._client.api_version}/exec/{self._id}/start HTTP/1.1\r\nHost: docker\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        connection = self._connect()
        connection.sendall(head.encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(_CHUNK)
            if not more or len(received) > _LONGEST_HEAD:
                raise EngineError("the engine closed the connection before the command began")
            received += more
        told, _, rest = received.partition(b"\r\n\r\n")
        status = told.split(b"\r\n")[0].decode(errors="replace")
        if status.split()[1:2] not in (["101"], ["200"]):
            why = rest.decode(errors="replace").strip() or status
            raise EngineError(f"the engine refused the command: {why}")
        return connection, rest

    def _connect(self) -> socket.socket:
        parts = urlsplit(self._engine.address)
        with explained(f"reaching the Docker engine at {self._engine.address}"):
            if parts.scheme == "unix":
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(parts.path)
                return connection
            if parts.scheme == "tcp":
                return socket.create_connection((parts.hostname or "", parts.port or _DOCKER_PORT))
        raise EngineError(f"commands need an engine at a plain socket, not {self._engine.address}")

    def _pump(
        self,
        connection: socket.socket,
        received: bytes,
        source: int,
        sink: _Raw | _Frames,
        patience: float | None,
    ) -> None:
        """Both ways at once: a command that writes before it reads on must not wait for ever."""
        connection.setblocking(False)
        pending = b""
        reads = self._stdin
        sink.take(received)
        while True:
            readers: list[socket.socket | int] = [connection]
            if reads and not pending:
                readers.append(source)
            ready, writable, _ = select.select(readers, [connection] if pending else [], [], patience)
            if not ready and not writable:
                raise EngineError(f"the command has said nothing for {patience:.0f} s", retryable=True)
            if source in ready:
                pending = os.read(source, _CHUNK)
                if not pending:
                    reads = False
                    connection.shutdown(socket.SHUT_WR)
            if writable:
                try:
                    pending = pending[connection.send(pending) :]
                except (BrokenPipeError, ConnectionResetError):
                    pending, reads = b"", False
            if connection in ready:
                content = _received(connection)
                if not content:
                    return
                sink.take(content)

    def _exit_code(self) -> int:
        end = time.monotonic() + _SETTLING
        with explained("asking how the command ended"):
            while (found := self._client.exec_inspect(self._id))["ExitCode"] is None:
                if time.monotonic() > end:
                    raise EngineError("the connection to the command broke, and it still runs")
                time.sleep(0.05)
        return int(found["ExitCode"])


def _received(connection: socket.socket) -> bytes:
    """What has come; nothing means that the other side is done."""
    try:
        return connection.recv(_CHUNK)
    except ConnectionResetError:
        return b""


class _Raw:
    is_cut: Final = False  # nobody could tell

    def __init__(self, out: int) -> None:
        self._out = out

    def take(self, content: bytes) -> None:
        _write(self._out, content)


class _Frames:
    """Takes frames apart, wherever the pieces that arrive are cut."""

    def __init__(self, out: int, err: int) -> None:
        self._out, self._err = out, err
        self._held = b""

    @property
    def is_cut(self) -> bool:
        """Whether the last frame is not whole."""
        return bool(self._held)

    def take(self, content: bytes) -> None:
        self._held += content
        while len(self._held) >= _HEADER.size:
            number, length = _HEADER.unpack_from(self._held)
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            _write(self._err if number == _STDERR else self._out, self._held[_HEADER.size : end])
            self._held = self._held[end:]


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """A terminal that passes every key on, and is as before afterwards."""
    import termios  # noqa: PLC0415 - not on every system that has the command line
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
