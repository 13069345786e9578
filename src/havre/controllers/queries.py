"""The worker's query socket: engine reads and wake-ups for the web process.

One JSON line comes in, JSON lines go out, then the connection is closed. An error is a line
``{"error": {"message", "hint", "retryable", "kind"}}`` (kind ``usage``: the question was wrong).

==========  ==========================================================================  =============
query       further keys                                                                answer
==========  ==========================================================================  =============
``wake``                                                                                ``{"ok": true}``
``ps``      project, environment                                                        ``{"rows": [...]}``
``backups`` project, environment                                                        a row
``storage``                                                                             a row
``lock-storage``  ``days``, ``mode``                                                    a row
``certificates``  project, environment                                                  ``{"rows": [...]}``
``logs``    project, environment, services, since and until (epoch seconds), level,     a line per row
            text, grep; tail, follow, after (id of a line)
``page``    the same but tail and follow; before, after, limit                          a row
``line``    project, environment, id, around                                            a row
==========  ==========================================================================  =============

``backups`` lists what is saved, ``storage`` tries the off-site storage by a small file of its own, and
``lock-storage`` has what is written there locked.
The socket takes reading and waking only: a web process that was taken over can do nothing else here.
"""

from __future__ import annotations

import json
import logging
import os
import select
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.db import connections
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from havre.config import Paths
from havre.errors import HavreError, UsageError
from havre.manifest.values import Name

if TYPE_CHECKING:
    from havre.operations.live_log import LiveLog

log = logging.getLogger(__name__)

_LONGEST_QUESTION: Final = 64 * 1024  # bytes
_QUESTION_TIMEOUT: Final = 5.0  # seconds
_WRITE_TIMEOUT: Final = 30.0  # seconds after which a reader that takes nothing counts as gone
_MOST_AT_ONCE: Final = 64


class _Wake(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^wake$")


class _Processes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^ps$")
    project: Name
    environment: Name


class _Certificates(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^certificates$")
    project: Name
    environment: Name


class _Backups(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^backups$")
    project: Name
    environment: Name


class _Storage(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^storage$")


class _Lock(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^lock-storage$")
    days: int = Field(ge=1, le=3650)
    mode: str = Field(pattern="^(governance|compliance)$")


class _Log(BaseModel):
    model_config = ConfigDict(extra="forbid")
    project: Name
    environment: Name
    services: list[Name] | None = None
    since: float | None = None
    until: float | None = None
    level: str | None = Field(None, max_length=20)
    text: str | None = Field(None, max_length=200)
    grep: str | None = Field(None, max_length=200)

    def asked(self) -> dict[str, Any]:
        """What the log is asked."""
        return {
            "project": self.project,
            "environment": self.environment,
            "services": tuple(self.services or ()),
            "since": self.since,
            "until": self.until,
            "level": self.level,
            "text": self.text,
            "grep": self.grep,
        }


class _Logs(_Log):
    query: str = Field(pattern="^logs$")
    tail: int | None = Field(None, ge=0)
    follow: bool = False
    after: str = Field("", max_length=40)


class _LogPage(_Log):
    query: str = Field(pattern="^page$")
    before: str = Field("", max_length=80)
    after: str = Field("", max_length=80)
    limit: int = Field(100, ge=1, le=1000)


class _LogLine(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(pattern="^line$")
    project: Name
    environment: Name
    id: str = Field(max_length=40)
    around: int = Field(0, ge=0, le=500)


_Question = _Wake | _Processes | _Certificates | _Backups | _Storage | _Lock | _Logs | _LogPage | _LogLine
_QUESTION: Final[TypeAdapter[_Question]] = TypeAdapter(_Question)


class QueryServer:
    """Answers on ``paths.worker_socket``, in threads of its own, between ``start`` and ``stop``.

    Args:
        paths: where the socket is made; the group of its folder may connect.
        wake: called when something was queued.
        live: tells of lines as they are stored, for those who follow; without it, what is stored is all.
    """

    def __init__(self, paths: Paths, wake: Callable[[], None], live: LiveLog | None = None) -> None:
        self._path = paths.worker_socket
        self._wake = wake
        self._logs = (paths.logs, live)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make the socket, in place of one that an earlier worker left, and answer."""
        # Under another name first: the file is never there with wrong permissions.
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        self._server = _Server(str(draft), self._wake, self._logs)
        draft.chmod(0o660)
        draft.rename(self._path)
        self._thread = threading.Thread(target=self._server.serve_forever, name="queries", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more questions, and end those that follow."""
        if self._server is None or self._thread is None:
            return
        self._server.stopping.set()
        ending = threading.Thread(target=self._server.shutdown)
        ending.start()
        while ending.is_alive():  # it waits for the loop, which sleeps until somebody connects
            with suppress(OSError), socket.socket(socket.AF_UNIX) as call:
                call.connect(str(self._path))
            ending.join(0.02)
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        self._server = self._thread = None


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: str, wake: Callable[[], None], logs: tuple[Path, LiveLog | None]) -> None:
        self.wake = wake
        self.logs = logs
        self.stopping = threading.Event()
        self.places = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(address, _Handler)

    def serve_forever(self, poll_interval: float = 60.0) -> None:
        """Sleep until somebody connects; stop() does so too."""
        super().serve_forever(poll_interval)

    def handle_error(self, _request: object, _client_address: object) -> None:
        log.error("a query failed", exc_info=True)  # noqa: LOG014 - socketserver calls it from its handler


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    connection: socket.socket
    timeout = _QUESTION_TIMEOUT

    def handle(self) -> None:
        if not self.server.places.acquire(blocking=False):
            self.rfile.readline(_LONGEST_QUESTION)  # closing with something unread would lose the answer
            self._tell(HavreError("the worker answers too many queries already", retryable=True))
            return
        try:
            for row in self._answers():
                self._send(row)
        except HavreError as error:
            self._tell(error)
        except (OSError, _GoneError):
            return  # the client has gone: nobody is left to tell
        except Exception:
            log.exception("a query failed")
            self._tell(HavreError("the worker could not answer; its log says why", retryable=True))
        finally:
            connections.close_all()  # this thread's own
            self.server.places.release()

    def _answers(self) -> Iterator[dict[str, Any]]:
        question = self._question()
        self.connection.settimeout(_WRITE_TIMEOUT)
        if isinstance(question, _Wake):
            self.server.wake()
            yield {"ok": True}
            return
        if isinstance(question, _Logs | _LogPage | _LogLine):
            yield from self._from_logs(question)
            return
        # Imported when first asked: those who follow a log, and wait, need none of it.
        from havre.operations import look, look_certificates  # noqa: PLC0415
        from havre.operations.continuity import listing, trial  # noqa: PLC0415

        if isinstance(question, _Backups):
            yield listing.backups(question.project, question.environment)
        elif isinstance(question, _Storage):
            yield trial.try_storage()
        elif isinstance(question, _Lock):
            yield trial.lock_storage(question.days, question.mode)
        elif isinstance(question, _Certificates):
            yield {"rows": look_certificates.certificates(question.project, question.environment)}
        else:
            yield {"rows": look.processes(question.project, question.environment)}

    def _from_logs(self, question: _Logs | _LogPage | _LogLine) -> Iterator[dict[str, Any]]:
        from havre.operations import read_logs  # noqa: PLC0415 - only who asks needs it

        folder, live = self.server.logs
        if isinstance(question, _LogLine):
            found = read_logs.line(
                folder, question.project, question.environment, question.id, around=question.around
            )
            yield found
            return
        asked = read_logs.Asked(**question.asked())
        if isinstance(question, _LogPage):
            yield read_logs.page(
                folder, asked, before=question.before, after=question.after, limit=question.limit
            )
            return
        rows = read_logs.rows(
            folder,
            asked,
            tail=question.tail,
            after=question.after,
            live=live if question.follow else None,
            stopped=self._is_stopped,
        )
        try:
            yield from rows
        finally:
            close = getattr(rows, "close", None)
            if close is not None:
                close()

    def _question(self) -> _Question:
        line = self.rfile.readline(_LONGEST_QUESTION)
        if not line:
            raise _GoneError
        try:
            return _QUESTION.validate_python(json.loads(line))
        except (ValidationError, ValueError, RecursionError) as error:
            raise UsageError("the question is not one that the worker knows") from error

    def _is_stopped(self) -> bool:
        """Whether the worker stops, or the client closed its end (it never sends anything more)."""
        if self.server.stopping.is_set() or self.connection.fileno() < 0:
            return True
        readable = select.poll()
        readable.register(self.connection, select.POLLIN | select.POLLRDHUP)
        return bool(readable.poll(0))

    def _send(self, row: dict[str, Any]) -> None:
        self.connection.sendall(json.dumps(row, default=str).encode() + b"\n")

    def _tell(self, error: HavreError) -> None:
        told = {
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "kind": "usage" if isinstance(error, UsageError) else "engine",
        }
        with suppress(OSError):
            self._send({"error": told})


class _GoneError(Exception):
    """The client closed before it asked."""
