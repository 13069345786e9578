from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from havre.interfaces.cli.client import Received
from havre.interfaces.cli.progress import Progress
from support.api_examples import operation

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def heard(*events: tuple[str, dict[str, Any]]) -> Progress:
    progress = Progress.of(operation())
    for number, (kind, data) in enumerate(events):
        progress.apply(Received(number, kind, data), NOW)
    return progress


def step(name: str, state: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "step", {"name": name, "title": name, "state": state, "message": "", "seconds": None, **more}


def log(line: str) -> tuple[str, dict[str, Any]]:
    return "log", {"source": "build api", "line": line}


def test_the_plan_tells_the_steps_in_their_order() -> None:
    plan = {"steps": [{"name": name, "title": name} for name in ("a", "b")], "attempt": 1}
    progress = heard(("plan", plan), step("b", "running"))
    assert [(each.name, each.state) for each in progress.steps.values()] == [
        ("a", "pending"),
        ("b", "running"),
    ]
    assert progress.current() is progress.steps["b"]


def test_a_restarted_worker_begins_the_steps_anew() -> None:
    plan = {"steps": [{"name": "a", "title": "a"}], "attempt": 2}
    progress = heard(step("a", "done", seconds=3), ("plan", plan))
    assert progress.attempt == 2
    assert progress.steps["a"].state == "pending"


def test_the_log_of_the_failed_step_outlives_its_undoing() -> None:
    progress = heard(
        step("build", "running"),
        log("cause"),
        step("build", "failed", seconds=2),
        step("undo", "running"),
        log("removed"),
        step("undo", "done", seconds=1),
    )
    assert progress.cause(10) == ["cause"]
    assert progress.last_lines(10) == ["removed"]


def test_a_step_shows_only_its_own_lines() -> None:
    progress = heard(
        step("a", "running"), log("1"), step("a", "done"), step("b", "running"), log("2"), log("3")
    )
    assert progress.last_lines(5) == ["2", "3"]
    assert progress.last_lines(1) == ["3"]


def test_durations_come_from_the_server_else_from_its_times() -> None:
    late = (NOW - timedelta(seconds=30)).isoformat()
    progress = heard(step("a", "running", at=late))
    assert progress.steps["a"].lasting(NOW) == 30
    progress = heard(step("a", "running", at=late), step("a", "done", seconds=4.2))
    assert progress.steps["a"].lasting(NOW) == 4.2
    ahead = (NOW + timedelta(seconds=30)).isoformat()  # the server's clock is ahead of ours
    assert heard(step("a", "running", at=ahead)).steps["a"].lasting(NOW) == 0
    assert heard(step("a", "running", at="?")).steps["a"].lasting(NOW) == 0


def test_the_outcome_ends_it() -> None:
    progress = heard(("outcome", {"state": "failed", "error": {"message": "m"}, "result": None}))
    assert (progress.over, progress.state, progress.error, progress.result) == (
        True,
        "failed",
        {"message": "m"},
        {},
    )
