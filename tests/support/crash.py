"""A Havre whose processes a test kills at chosen moments of an operation.

The test takes the place of ``havre serve``: it starts web and worker itself, each as serve would, and
starts them again at once. An operation waits at the beginning, at the end and at the parts of each of
its steps (``HAVRE_PAUSE_AT``); there the test kills with SIGKILL, or lets it pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.server import Server

PATIENCE = 180.0  # seconds for what usually takes one; the machine may be busy


@dataclass(frozen=True, order=True)
class Moment:
    """The beginning or the end of a step of an operation, or where one of its parts begins."""

    operation: int
    step: str
    edge: str


class Processes:
    """Web and worker of a server, each with a pid that can be killed."""

    def __init__(self, server: Server, pauses: Path) -> None:
        self.server = server
        self.pauses = pauses
        self.kills = {"web": 0, "worker": 0}
        transport = httpx.HTTPTransport(uds=str(server.socket))
        self._api = httpx.Client(transport=transport, base_url="http://localhost", timeout=30)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {**server.environment, "HAVRE_SUPERVISOR_PID": str(os.getpid())}

    def start(self, **settings: str) -> None:
        """Start both, with settings that differ from the server's."""
        shutil.rmtree(self.pauses, ignore_errors=True)
        self.pauses.mkdir(parents=True)
        self._settings = {f"HAVRE_{key.upper()}": value for key, value in settings.items()}
        for role in ("worker", "web"):
            self.begin(role)

    def begin(self, role: str) -> None:
        """Start one of them."""
        with self.server.log.open("ab") as log:
            self._running[role] = subprocess.Popen(
                [sys.executable, "-P", "-m", "havre.interfaces.server", role],
                env={**self._environment, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    def kill(self, *roles: str) -> None:
        """kill -9, all before the first one is waited for."""
        for role in roles:
            self._running[role].kill()
            self.kills[role] += 1
        for role in roles:
            self._running[role].wait(30)

    def stop(self) -> None:
        """End both politely, whatever waits."""
        self.let_pass(self.held())
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(60)
        self._running.clear()

    def still_run(self) -> None:
        """Fail if one of them ended by itself."""
        for role, process in self._running.items():
            if process.poll() is not None:
                raise AssertionError(
                    f"{role} ended with {process.returncode}:\n{self.server.log.read_text()[-3000:]}"
                )

    # What operations wait at

    def held(self) -> list[Moment]:
        """The moments at which operations wait now."""
        if not self.pauses.is_dir():
            return []
        names = [path.name for path in self.pauses.iterdir() if path.suffix != ".passed"]
        parts = [name.split(".") for name in names]
        return sorted(Moment(int(number), step, edge) for number, step, edge in parts)

    def let_pass(self, moments: Iterable[Moment]) -> None:
        """Let operations go on from where they wait; they do not wait there again."""
        for moment in moments:
            path = self.pauses / f"{moment.operation}.{moment.step}.{moment.edge}"
            path.rename(path.with_name(f"{path.name}.passed"))

    # The API, patient while the web process is away

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API and give back its JSON."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._api.request(method, f"/api/v1/{path}", json=body)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
                continue
            if answer.status_code == 503 and time.monotonic() < deadline:  # the worker is away
                time.sleep(0.05)
                continue
            assert answer.is_success, answer.text
            return answer.json()

    def operation(self, number: int) -> dict[str, Any]:
        """An operation with its steps."""
        return dict(self.ask("GET", f"operations/{number}"))
