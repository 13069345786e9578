"""A real Havre: ``havre serve`` on the disposable engine, in its node's network namespace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ENGINE = "HAVRE_TEST_DOCKER_HOST"


def engine_host() -> str:
    """Address of the disposable engine that ``bin/test`` started."""
    host = os.environ.get(ENGINE)
    if not host:
        raise RuntimeError(f"{ENGINE} is not set: run the tests by bin/test, which starts an engine")
    return host


class Server:
    """One ``havre serve`` with its own state folder.

    ``inside`` comes before its command: what brings it into another network.
    """

    def __init__(self, state: Path, *, inside: Sequence[str] = (), **settings: str) -> None:
        self.state = state
        self.inside = inside
        self.socket = state / "run" / "api.sock"
        self.log = state.parent / f"{state.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        # A test process of several is told a width, by which outcomes would be wrapped.
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self.environment = {
            **inherited,
            "HAVRE_STATE": str(state),
            "HAVRE_DOCKER_HOST": engine_host(),
            **{f"HAVRE_{key.upper()}": value for key, value in settings.items()},
        }

    def start(self, *, patience: float = 60.0) -> None:
        """Start it and wait until web and worker are there."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.inside, sys.executable, "-m", "havre", "serve"],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"havre serve ended: {self.log.read_text()[-3000:]}")
            if self._is_healthy():
                return
            time.sleep(0.1)
        raise RuntimeError(f"havre serve is not healthy: {self.log.read_text()[-3000:]}")

    def _is_healthy(self) -> bool:
        try:
            return self.get("/healthz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def get(self, path: str) -> httpx.Response:
        """Ask the API over its unix socket."""
        transport = httpx.HTTPTransport(uds=str(self.socket))
        with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as client:
            return client.get(path)

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it; with SIGKILL the whole group dies at once, as in a power cut."""
        if self.process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, signal.SIGKILL)
        elif self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(60)
        self.process = None

    def worker_pid(self) -> int:
        """Pid of the worker, as the server's children tell it."""
        if self.process is None:
            raise RuntimeError("not started")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            if b"worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise RuntimeError("no worker runs")

    def web_pid(self) -> int:
        """Pid of the web process."""
        if self.process is None:
            raise RuntimeError("not started")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            if b"web" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise RuntimeError("no web process runs")

    def cli(
        self, *args: str, check: bool = True, stdin: str | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the ``havre`` command against it."""
        done = subprocess.run(
            [sys.executable, "-m", "havre", *args],
            env=self.environment,
            capture_output=True,
            text=True,
            input=stdin,
            cwd=cwd,
            timeout=600,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"havre {' '.join(args)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
                f"\n--- server ---\n{self.log.read_text()[-4000:]}"
            )
        return done

    def popen(self, *args: str) -> subprocess.Popen[str]:
        """Start the ``havre`` command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "havre", *args],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def json(self, *args: str) -> Any:
        """A listing's JSON."""
        return json.loads(self.cli(*args, "--json").stdout)

    def deploy(self, repository: Path, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Deploy a repository and wait for the outcome."""
        return self.cli("deploy", "--source", str(repository), *more, check=check)


@contextmanager
def running(state: Path, *, inside: Sequence[str] = (), **settings: str) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(state, inside=inside, **settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
