"""Logs of real services: followed from the real engine, across a restart, and in a flood."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from havre.adapters.buildkit.platform import prepare
from havre.adapters.logs.reader import LogReader
from havre.adapters.logs.writer import LogWriter
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.controllers.log_collector import LogCollector
from havre.domain.logs.question import Line, Question
from havre.domain.workload import Workload
from havre.operations.live_log import LiveLog

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def host() -> str:
    return os.environ["HAVRE_TEST_DOCKER_HOST"]


@pytest.fixture(scope="module")
def image(host: str) -> str:
    (found,) = prepare(host, report=lambda _line: None, only=("base",)).values()
    return found


@pytest.fixture
def start(host: str, image: str) -> Iterator[Callable[..., str]]:
    """Starts a service of a project of the test's own, by a shell script or a command; its project."""
    engine, project, names = Engine(host), f"logs{uuid.uuid4().hex[:6]}", []

    def make(service: str, *command: str) -> str:
        name = f"{project}-production-{service}-r1"
        labels = {
            "havre.managed": "true",
            "havre.project": project,
            "havre.environment": "production",
            "havre.service": service,
            "havre.release": "1",
        }
        engine.ensure_service(Workload(name, image, tuple(labels.items()), entrypoint=command))
        names.append(name)
        return project

    yield make
    for name in names:
        engine.remove_service(name)


@contextmanager
def collecting(state: Path, host: str, **settings: int) -> Iterator[LogReader]:
    config = Config(state=state, docker_host=host, **settings)
    stopping = threading.Event()
    platform = SimpleNamespace(config=config, engine=Engine(host), stopping=stopping)
    collector = LogCollector(platform, LogWriter(config.paths.logs), LiveLog())  # type: ignore[arg-type]
    thread = collector.start()
    try:
        yield LogReader(config.paths.logs)
    finally:
        stopping.set()
        thread.join(60)
        assert not thread.is_alive()


def lines(reader: LogReader, project: str, service: str) -> list[Line]:
    source = f"{project}/production/{service}"
    found = reader.page(
        Question(choose=lambda known: [each for each in known if each == source], limit=100_000)
    )
    return list(found.lines)


def wait(condition: Callable[[], bool], what: str = "it took too long") -> None:
    """Not too often: who reads and who collects are one process here."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(1)


def counted(found: list[Line]) -> list[int]:
    return [int(line.text.split()[1]) for line in found if line.text.startswith("count")]


def test_a_worker_that_begins_anew_neither_misses_nor_repeats_a_line(
    host: str, start: Callable[..., str], tmp_path: Path
) -> None:
    script = "n=0; while :; do echo count $n; n=$((n+1)); sleep 0.05; done"
    project = start("api", "sh", "-c", script)
    for turn in range(1, 4):
        with collecting(tmp_path, host) as reader:
            wait(lambda: len(lines(reader, project, "api")) >= turn * 60)  # noqa: B023
        time.sleep(2)  # it goes on writing while nobody collects
    numbers = counted(lines(LogReader(tmp_path / "logs"), project, "api"))
    assert numbers == list(range(len(numbers)))


def test_streams_traces_and_long_lines_come_as_they_were_written(
    host: str, start: Callable[..., str], tmp_path: Path
) -> None:
    script = (
        "echo out; echo ERROR err >&2; printf 'TypeError: x\\n    at f (a.js:1)\\n    at g (b.js:2)\\n' >&2;"
        " head -c 40000 /dev/zero | tr '\\0' x; echo; sleep 1000"
    )
    project = start("api", "sh", "-c", script)
    with collecting(tmp_path, host) as reader:
        wait(lambda: len(lines(reader, project, "api")) >= 4)
        found = {line.text: line for line in lines(reader, project, "api")}
    assert found["out"].stream == "stdout"
    assert (found["ERROR err"].stream, found["ERROR err"].level.name) == ("stderr", "ERROR")
    assert found["TypeError: x\n    at f (a.js:1)\n    at g (b.js:2)"].level.name == "ERROR"
    assert "x" * 40_000 in found
    assert {line.release for line in found.values()} == {1}


def test_a_flood_neither_blocks_its_service_nor_starves_another_nor_fills_the_disk(
    host: str, start: Callable[..., str], tmp_path: Path
) -> None:
    project = start("flood", "sh", "-c", "yes 'a line of some forty characters of noise'")
    start("calm", "sh", "-c", "n=0; while :; do echo count $n; n=$((n+1)); sleep 0.1; done")
    began = time.monotonic()
    with collecting(tmp_path, host, logs_rate=1000) as reader:
        wait(lambda: len(counted(lines(reader, project, "calm"))) >= 100, "the calm one is starved")
        wait(
            lambda: any("left out" in line.text for line in lines(reader, project, "flood")),
            "nobody says that lines are missing",
        )
        late = time.time() - lines(reader, project, "calm")[-1].at / 1e6
        noise = [line for line in lines(reader, project, "flood") if line.stream == "stdout"]
        took = time.monotonic() - began
    numbers = counted(lines(LogReader(tmp_path / "logs"), project, "calm"))
    assert numbers == list(range(len(numbers)))
    assert late < 60
    # By the time of the collector, which may be behind: what comes at once, and a thousand a second.
    assert len(noise) <= 1000 * (10 + took)
    assert sum(each.stat().st_size for each in (tmp_path / "logs").iterdir()) < 50_000_000
