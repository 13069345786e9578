"""A running Havre as its own machine sees it: its health, and ``havre serve`` as a service manager.

``havre serve`` writes its pid to ``run/serve.pid`` and takes two signals: at SIGUSR1 it stops web and
worker and waits, at SIGUSR2 it goes on, as the version that is current then. Its own pid stays, so
whatever keeps it running notices nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from havre.config import Paths
from havre.errors import HavreError

_PATIENCE: Final = 60.0
_TICK: Final = 0.1
_ASK: Final = 5.0


@dataclass(frozen=True)
class Health:
    """What a running Havre says of itself; everything is empty if the web process does not answer."""

    answers: bool = False
    is_well: bool = False
    worker_seen: float | None = None
    version: str = ""


def health(paths: Paths) -> Health:
    """Ask the web process by its socket."""
    transport = httpx.HTTPTransport(uds=str(paths.api_socket))
    try:
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=_ASK) as client:
            told = client.get("/healthz")
            answer: dict[str, Any] = told.json()
            version = str(client.get("/api/v1/version").json().get("version", ""))
    except (httpx.HTTPError, ValueError):
        return Health()
    seen = answer.get("worker_seen_seconds")
    return Health(True, told.status_code == httpx.codes.OK, None if seen is None else float(seen), version)


def worker_pid(paths: Paths) -> int:
    """Pid of the worker that runs; 0 if none does."""
    try:
        descriptor = os.open(paths.run / "worker.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 20).strip()
        return int(text) if text.isdigit() else 0
    else:
        return 0  # nobody held it
    finally:
        os.close(descriptor)


class Serve:
    """``havre serve``, found by its pid file."""

    name = "havre serve"

    def __init__(self, paths: Paths, *, current: Path) -> None:
        self._paths = paths
        self._current = current
        self._environment: dict[str, str] = {}

    @property
    def pid(self) -> int:
        """Its pid; 0 if it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._paths.run / "serve.pid").read_text())
            if b"havre.interfaces.server\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return 0

    def is_running(self) -> bool:
        """Whether it runs."""
        return bool(self.pid)

    def stop(self) -> None:
        """Have web and worker stopped."""
        if pid := self.pid:
            found = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape")
            pairs = (entry.partition("=") for entry in found.split("\0") if "=" in entry)
            self._environment = {name: value for name, _, value in pairs}
            os.kill(pid, signal.SIGUSR1)
        wait_until_stopped(self._paths)

    def start(self) -> None:
        """Have the current version run; a program that is gone is started anew, with its settings.

        Its log is then ``STATE/serve.log``.

        Raises:
            OSError: it could not be started.
        """
        if pid := self.pid:
            os.kill(pid, signal.SIGUSR2)
            return
        python = self._current.resolve() / "bin" / "python"
        with (self._paths.state / "serve.log").open("ab") as log:
            subprocess.Popen(
                [str(python), "-P", "-m", "havre.interfaces.server", "serve"],
                env=self._environment or None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> None:
        """End it, with web and worker."""
        if pid := self.pid:
            os.kill(pid, signal.SIGTERM)
        wait_until_stopped(self._paths)

    def reload(self) -> None:
        """Nothing: it has no unit files."""


class Nobody:
    """No Havre runs here: nothing is stopped or started."""

    name = "nobody"

    def is_running(self) -> bool:
        """It does not."""
        return False

    def stop(self) -> None:
        """Nothing runs."""

    def start(self) -> None:
        """Nothing is started."""

    def reload(self) -> None:
        """Nothing is read."""


def wait_until_stopped(paths: Paths) -> None:
    """Wait until neither web nor worker is there.

    Raises:
        HavreError: they do not end within a minute.
    """
    deadline = time.monotonic() + _PATIENCE
    while worker_pid(paths) or health(paths).answers:
        if time.monotonic() > deadline:
            raise HavreError("web and worker do not stop", hint="see their log")
        time.sleep(_TICK)
