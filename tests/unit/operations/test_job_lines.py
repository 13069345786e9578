"""Lines of a job: each once, also when the clock was set while it ran."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from havre.adapters.host import moments
from havre.adapters.swarm.output import Line
from havre.domain.snapshot import Task
from havre.operations import jobs
from havre.operations.jobs import Job

TASK = Task("t", "s", 1, "running", "running", container="c")


class Run:
    """What a job uses of a run."""

    def __init__(self) -> None:
        self.operation = SimpleNamespace(result={}, attempt=2)
        self.platform = SimpleNamespace(engine=None)
        self.logged: list[str] = []

    def remember(self, **facts: Any) -> None:
        self.operation.result |= facts

    def log_all(self, lines: list[tuple[str, str]], **facts: Any) -> None:
        self.logged += [text for _, text in lines]
        self.remember(**facts)


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """What the engine has of the job's output."""
    lines: list[Line] = []

    def read(_engine: object, _task: Task, *, after: str = "") -> list[Line]:
        return [line for line in lines if line.at > after]

    monkeypatch.setattr(jobs, "read_task", read)
    return lines


def line(hour: int, text: str) -> Line:
    return Line(f"2026-01-31T{hour:02}:00:00.000000000Z", "stdout", text)


def started(run: Run, **other: float) -> None:
    moment = moments.now()
    changed = {name: getattr(moment, name) + by for name, by in other.items()}
    run.remember(job={"started": dataclasses.replace(moment, **changed).facts()})


def look(run: Run) -> list[str]:
    """What a worker logs that looks twice."""
    job = Job(run, SimpleNamespace(name="j"), sources={"stdout": "out"})  # type: ignore[arg-type]
    before = len(run.logged)
    job._read(TASK)
    job._read(TASK)
    return run.logged[before:]


def test_each_line_is_logged_once(run: Run, written: list[Line]) -> None:
    started(run)
    written.append(line(12, "a"))
    assert look(run) == ["a"]
    written.append(line(13, "b"))
    assert look(run) == ["b"]


def test_lines_after_the_clock_was_set_back_are_not_lost(run: Run, written: list[Line]) -> None:
    started(run)
    written.append(line(12, "a"))
    assert look(run) == ["a"]
    run.operation.result["job"]["started"]["wall"] += 7200.0  # so the clock is two hours behind of then
    written.append(line(10, "b"))
    assert look(run) == ["b"]
    written.append(line(11, "c"))
    assert look(run) == ["c"]


def test_its_age_does_not_depend_on_the_clock(run: Run) -> None:
    started(run, steady=-30.0, wall=-86400.0)
    job = Job(run, SimpleNamespace(name="j"), sources={})  # type: ignore[arg-type]
    assert 30.0 <= job._age() < 60.0
