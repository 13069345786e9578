"""Readiness without a port: real sockets, and an engine that says what a test tells it to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from havre.adapters.swarm.output import Line
from havre.domain.readiness import LogPattern
from havre.domain.rollout import PASSES_WANTED
from havre.domain.snapshot import Task
from havre.operations import readiness
from havre.operations.readiness import Prober
from support.manifests import api, bare, problem


class Engine:
    """Answers for one node, ``here``."""

    address: tuple[str, str] | None = ("127.0.0.1", "")

    def bridge_address(self, _container: str) -> tuple[str, str] | None:
        return self.address

    def info(self) -> dict[str, Any]:
        return {"Swarm": {"NodeID": "here"}}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prober(clock: Clock) -> Prober:
    return Prober(Engine(), since="2026-01-31T12:00:00", clock=clock)  # type: ignore[arg-type]


def task(state: str = "running", since: str = "2026-01-31T12:00:07Z", node: str = "here") -> Task:
    return Task("t", "s", 1, state, "running", container="c", node=node, since=since)


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_port_has_to_accept_twice_at_its_pace(prober: Prober, clock: Clock, port: int) -> None:
    service = api(bare(f"ready: {{tcp: {port}, interval: 1s}}"))
    passes = []
    for clock.now in (0.0, 0.5, 1.0):
        passes.append(prober.passes(service, [task()], clock.now)["t"])
    assert passes == [1, 1, 2]
    assert prober.missing(service, task()) == ""


def test_a_port_that_refuses_begins_anew_and_is_told(prober: Prober, clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        service = api(bare(f"ready: {{tcp: {port}, interval: 1s, timeout: 1s}}"))
        assert prober.passes(service, [task()], 0)["t"] == 1
    clock.now += 1
    assert prober.passes(service, [task()], 1)["t"] == 0
    assert f"port {port} does not accept connections" in prober.missing(service, task())


def test_on_another_node_running_has_to_do(prober: Prober, clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(Engine, "address", None)
    service = api(bare("ready: {tcp: 1}"))
    assert prober.passes(service, [task(node="there")], 0)["t"] == 1
    assert Prober(Engine(), clock=clock).passes(service, [task()], 0)["t"] == 0  # type: ignore[arg-type]


def test_a_line_is_looked_for_in_what_is_new(prober: Prober, clock: Clock, monkeypatch: Any) -> None:
    log = [[Line("1", "stdout", "begins")], [Line("2", "stderr", "now waiting for jobs")]]
    asked = []

    def read(_engine: Any, _task: Task, *, after: str) -> list[Line]:
        asked.append(after)
        return log.pop(0)

    monkeypatch.setattr(readiness, "read_task", read)
    service = api(bare("ready: {log: 'wait.*jobs$', interval: 1s}"))
    assert prober.passes(service, [task()], 0)["t"] == 0
    assert "none of its 1 lines matches" in prober.missing(service, task())
    clock.now += 1
    assert prober.passes(service, [task()], 1)["t"] == PASSES_WANTED
    clock.now += 1
    assert prober.passes(service, [task()], 2)["t"] == PASSES_WANTED
    assert asked == ["", "1"]


def test_what_ran_before_was_ready_then(prober: Prober) -> None:
    service = api(bare("ready: {log: never}"))
    assert prober.passes(service, [task(since="2026-01-31T11:59:59.9Z")], 0)["t"] == PASSES_WANTED


def test_without_words_a_task_has_to_be_steady_and_the_engine_judges_commands(prober: Prober) -> None:
    plain, checked = api(bare("command: x")), api(bare("ready: {command: 'node ready.js'}"))
    assert prober.passes(plain, [task()], 2.9) == {}
    assert prober.passes(plain, [task()], 3.0) == {"t": PASSES_WANTED}
    assert prober.passes(checked, [task()], 0.1) == {"t": PASSES_WANTED}
    assert prober.passes(checked, [task("starting")], 9) == {}


def test_expressions_take_linear_time() -> None:
    assert not LogPattern("(a+)+$").found_in("a" * 3999 + "b")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("ready: {}", "says neither"),
        ("ready: {tcp: 1, log: x}", "names tcp and log"),
        ("ready: {log: '(a'}", "missing )"),
        ("ready: {log: '(?=a)'}", "not a regular expression"),
        ("port: 80\nhealth: /\nready: {tcp: 1}", "of no use beside a port"),
        ("stop_signal: SIGKILL", "SIGTERM"),
    ],
)
def test_what_cannot_be_meant_is_refused(lines: str, words: str) -> None:
    assert words in str(problem(bare(lines)))
