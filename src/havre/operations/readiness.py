"""Readiness of services without a port: a TCP port that accepts, a command, a line of the log.

The worker itself asks, from outside of the container, so that nothing is needed in the image; only a
``command`` is run inside, by the engine, which holds a task back until it succeeds.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.output import last_check, read_task
from havre.domain.readiness import LogPattern
from havre.domain.rollout import PASSES_WANTED, STEADY_SECONDS
from havre.domain.snapshot import Task
from havre.errors import HavreError
from havre.manifest import AppService, StaticService
from havre.manifest.parts import Ready


@dataclass
class _Seen:
    """What is known of one task."""

    asked: float = float("-inf")
    passes: int = 0
    read: str = ""
    lines: int = 0
    words: str = ""


class Prober:
    """Asks the tasks of services without a port, each at its own pace. One per gate.

    Args:
        engine: where the tasks run.
        since: RFC 3339; a task that ran before was ready then, and its first lines may be gone.
        clock: seconds that only go forward.
    """

    def __init__(
        self, engine: Engine, *, since: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._since = since
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def passes(
        self, service: AppService | StaticService, tasks: Sequence[Task], elapsed: float
    ) -> Mapping[str, int]:
        """Good answers in a row, by task id.

        Args:
            service: a service without a port.
            tasks: its tasks.
            elapsed: seconds since it was started.
        """
        running = [task for task in tasks if task.is_running]
        ready = service.ready if isinstance(service, AppService) else None
        if ready is None:
            steady = elapsed >= STEADY_SECONDS
            return {task.id: PASSES_WANTED for task in running if steady}
        if ready.command:
            return {task.id: PASSES_WANTED for task in running}  # the engine says so only then
        for task in running:
            self._ask(ready, task)
        return {task.id: self._seen[task.id].passes for task in running}

    def missing(self, service: AppService | StaticService, task: Task | None) -> str:
        """What a task that is not ready still lacks, in words; empty if that is told elsewhere."""
        ready = service.ready if isinstance(service, AppService) else None
        if ready is None or task is None:
            return ""
        if ready.command:
            output = last_check(self._engine, task.container) if task.container else ""
            return "its ready command has not succeeded" + (f": {output}" if output else "")
        return self._seen.get(task.id, _Seen()).words

    def _ask(self, ready: Ready, task: Task) -> None:
        seen = self._seen.setdefault(task.id, _Seen())
        if self._since and task.since and task.since < self._since:
            seen.passes = PASSES_WANTED
            return
        now = self._clock()
        if now - seen.asked < ready.interval:
            return
        seen.asked = now
        if ready.tcp is not None:
            seen.words = self._connect(task, ready.tcp, ready.timeout)
            seen.passes = 0 if seen.words else seen.passes + 1
        elif ready.log is not None and not seen.passes:
            self._read(LogPattern(ready.log), task, seen)

    def _connect(self, task: Task, port: int, timeout: float) -> str:
        """Empty if the port accepts. Asked over the node's own bridge, which every task is on."""
        try:
            found = self._engine.bridge_address(task.container)
        except HavreError as error:
            return error.message
        if found is None:
            if task.node != self._own_node():
                return ""  # on another node: that it runs has to do
            return "its task is not on the node's bridge yet"
        try:
            socket.create_connection((found[0], port), timeout).close()
        except OSError as error:
            return f"port {port} does not accept connections: {error.strerror or error}"
        return ""

    def _own_node(self) -> str:
        return str(self._engine.info().get("Swarm", {}).get("NodeID", ""))

    def _read(self, pattern: LogPattern, task: Task, seen: _Seen) -> None:
        try:
            lines = read_task(self._engine, task, after=seen.read)
        except HavreError as error:
            seen.words = error.message
            return
        if lines:
            seen.read = lines[-1].at
            seen.lines += len(lines)
        if any(pattern.found_in(line.text) for line in lines):
            seen.passes = PASSES_WANTED
        seen.words = f"none of its {seen.lines} lines matches {pattern.text!r}"
