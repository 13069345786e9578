"""A steady load: an open loop of requests at a fixed rate, each outcome counted.

Open loop: a slow answer does not slow the next request down, as real users do not wait for each
other. Runs as its own process (``python -m support.load``) so that what is measured does not share
an interpreter with it; it stops at SIGTERM or after ``--seconds`` and prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp


@dataclass
class Shape:
    """What is asked: one stream of requests."""

    url: str
    host: str
    rate: float
    method: str = "GET"
    keep_alive: bool = True
    timeout: float = 30.0


@dataclass
class Tally:
    """What came back."""

    sent: int = 0
    ok: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    versions: dict[str, list[float]] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """One JSON object; times are seconds of the epoch."""
        ordered = sorted(self.latencies) or [0.0]
        return {
            "sent": self.sent,
            "ok": self.ok,
            "failed": len(self.failures),
            "causes": dict(Counter(cause for _, cause in self.failures)),
            "failures": self.failures[:50],
            "versions": self.versions,
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
        }


async def _ask(session: aiohttp.ClientSession, shape: Shape, tally: Tally) -> None:
    began = time.time()
    try:
        async with session.request(
            shape.method,
            shape.url,
            headers={"Host": shape.host},
            data=b"x" * 100 if shape.method == "POST" else None,
        ) as response:
            text = await response.text()
            if response.status != 200:
                tally.failures.append((began, f"status {response.status}"))
                return
            ended = time.time()
            tally.ok += 1
            tally.latencies.append(ended - began)
            version = str(json.loads(text).get("version", ""))
            seen = tally.versions.setdefault(version, [ended, ended])
            seen[1] = ended
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        tally.failures.append((began, f"{type(error).__name__}: {error}"[:200]))


async def drive(shapes: list[Shape], seconds: float) -> dict[str, Any]:
    """Send all streams until the time is over or SIGTERM comes, then wait for what is in flight."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.call_later(seconds, stop.set)
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        for shape in shapes:
            group.create_task(_stream(shape, tally, stop))
    return tally.report()


async def _stream(shape: Shape, tally: Tally, stop: asyncio.Event) -> None:
    connector = aiohttp.TCPConnector(limit=0, force_close=not shape.keep_alive)
    timeout = aiohttp.ClientTimeout(total=shape.timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        pending: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while not stop.is_set():
            task = asyncio.create_task(_ask(session, shape, tally))
            tally.sent += 1
            pending.add(task)
            task.add_done_callback(pending.discard)
            due += 1 / shape.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        if pending:
            await asyncio.wait(pending)


class Load:
    """A load in its own process; ``at_once`` for one that never waits for a processor (needs root)."""

    def __init__(self, shapes: list[Shape], *, seconds: float, at_once: bool = False) -> None:
        arguments = json.dumps([vars(shape) for shape in shapes])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.load", "--seconds", str(seconds), "--shapes", arguments],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdout=subprocess.PIPE,
            text=True,
        )
        if at_once:
            os.sched_setscheduler(self._process.pid, os.SCHED_RR, os.sched_param(1))

    def finish(self) -> dict[str, Any]:
        """Stop it and read what came back."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=60)
        report: dict[str, Any] = json.loads(output)
        return report


@contextmanager
def under_load(*shapes: Shape, seconds: float = 300.0) -> Iterator[dict[str, Any]]:
    """Load during a block; the dictionary holds the report after it."""
    load = Load(list(shapes), seconds=seconds)
    report: dict[str, Any] = {}
    time.sleep(1.0)  # the interpreter of the load has to start
    try:
        yield report
        time.sleep(0.5)
    finally:
        report.update(load.finish())


def main() -> None:
    """Entry of the load's own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--shapes", type=json.loads, required=True)
    given = parser.parse_args()
    report = asyncio.run(drive([Shape(**shape) for shape in given.shapes], given.seconds))
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    main()
