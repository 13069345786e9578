"""Running steps: records, failures, undoing, cancelling, being interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from havre.config import Config
from havre.controllers import operation_runner
from havre.controllers.operation_runner import OperationRunner, run_operation
from havre.errors import (
    ConflictError,
    ConsentError,
    EngineAway,
    HavreError,
    ManifestError,
    RolloutError,
    SecretError,
    UsageError,
)
from havre.operations.builds import Builds
from havre.operations.context import Interrupted, Platform, Run, Runbook, Step
from havre.records import queries
from havre.records.models import Operation

pytestmark = pytest.mark.django_db


class Play:
    """Runs an operation whose steps are given by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.undone: list[str] = []
        self.platform = Platform(Config(), None, None, threading.Event(), Builds(Config(), None))  # type: ignore[arg-type]
        self._monkeypatch = monkeypatch
        environment = queries.ensure_environment("shop", "production", source="x")
        queries.enqueue("deploy", environment, {}, actor="ada")
        claimed = queries.claim("w")
        assert claimed
        self.operation = claimed

    def run(self, *acts: Callable[[Run], str | None]) -> Operation:
        def runbook(run: Run) -> Runbook:
            steps = tuple(Step(f"s{n}", f"Step {n}", lambda act=act: act(run)) for n, act in enumerate(acts))
            return Runbook(steps, lambda: self.undone.append("undone"))

        self._monkeypatch.setattr(operation_runner, "RUNBOOKS", {"deploy": runbook})
        run_operation(self.platform, self.operation)
        self.operation.refresh_from_db()
        return self.operation

    def steps(self) -> list[tuple[str, str, str]]:
        return [(s.name, s.state, s.message) for s in queries.steps_of(self.operation)]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(monkeypatch)


def fail(_: Run) -> str:
    raise RolloutError("it is sick", hint="take a rest", detail="line 1")


def test_steps_run_in_order_and_are_recorded(play: Play) -> None:
    done = play.run(lambda _: "one", lambda run: run.log("a line") or "two")
    assert done.state == Operation.State.SUCCEEDED
    assert play.steps() == [("s0", "done", "one"), ("s1", "done", "two")]
    kinds = [event.kind for event in queries.events_after(done.pk, 0)]
    assert kinds == ["plan", "step", "step", "step", "log", "step", "outcome"]
    assert play.undone == []


def test_a_failure_is_undone_and_told(play: Play) -> None:
    done = play.run(lambda _: None, fail, lambda _: "never")
    assert done.state == Operation.State.FAILED
    assert done.error == {
        "message": "it is sick",
        "hint": "take a rest",
        "detail": "line 1",
        "retryable": False,
        "kind": "failure",
    }
    assert [step[:2] for step in play.steps()] == [
        ("s0", "done"),
        ("s1", "failed"),
        ("s2", "pending"),
        ("undo", "done"),
    ]
    assert play.undone == ["undone"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UsageError("no such environment"), "usage"),
        (ConsentError("name it", confirm="shop-production"), "usage"),
        (ManifestError("havre.yaml:1: no"), "usage"),
        (SecretError("is not set"), "usage"),
        (ConflictError("stale"), "failure"),
    ],
)
def test_whether_the_request_was_wrong_is_told(play: Play, error: HavreError, kind: str) -> None:
    def refuse(_: Run) -> str:
        raise error

    done = play.run(refuse)
    assert (done.error["message"], done.error["kind"]) == (error.message, kind)


def test_a_bug_is_a_failure_without_its_inner_words(play: Play) -> None:
    def bug(_: Run) -> str:
        raise KeyError("password=hunter2")

    done = play.run(bug)
    assert done.state == Operation.State.FAILED
    assert "KeyError" in done.error["message"]
    assert "hunter2" not in str(done.error)
    assert play.undone == ["undone"]


def test_cancelling_stops_before_the_next_step(play: Play) -> None:
    def cancel(run: Run) -> str:
        queries.request_cancel(run.operation)
        return ""

    done = play.run(cancel, lambda _: "never")
    assert done.state == Operation.State.CANCELLED
    assert play.undone == ["undone"]


def test_a_stopping_worker_leaves_the_operation_for_the_next(play: Play) -> None:
    def stop(run: Run) -> str:
        run.platform.stopping.set()
        return ""

    with pytest.raises(Interrupted):
        play.run(stop, lambda _: "never")
    play.operation.refresh_from_db()
    assert play.operation.state == Operation.State.RUNNING
    assert play.undone == []
    assert [o.pk for o in queries.take_over("next")] == [play.operation.pk]


def test_the_fourth_attempt_gives_up(play: Play) -> None:
    play.operation.attempt = 4
    play.operation.save()
    done = play.run(lambda _: "never")
    assert done.state == Operation.State.FAILED
    assert play.undone == ["undone"]
    assert play.steps()[0][:2] == ("s0", "pending")


@pytest.mark.parametrize("error", [EngineAway("gone"), OperationalError("database is locked")])
def test_what_is_away_is_waited_for_and_nothing_undone(
    play: Play, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(operation_runner, "_AWAY_LOOK", 0.0)
    monkeypatch.setattr(operation_runner, "connection", Mock())
    tries: list[int] = []

    def away_twice(_: Run) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise error
        return "done"

    def runbook(run: Run) -> Runbook:
        return Runbook((Step("s0", "Step 0", lambda: away_twice(run)),), lambda: play.undone.append("undone"))

    monkeypatch.setattr(operation_runner, "RUNBOOKS", {"deploy": runbook})
    engine = Mock()
    engine.is_up.side_effect = [False, True, True]
    platform = Platform(Config(), engine, None, threading.Event(), Builds(Config(), engine))  # type: ignore[arg-type]
    OperationRunner(platform, "w")._run(play.operation)
    play.operation.refresh_from_db()
    assert play.operation.state == Operation.State.SUCCEEDED
    assert len(tries) == 3
    assert play.undone == []
    lines = [e.data["line"] for e in queries.events_after(play.operation.pk, 0) if e.kind == "log"]
    assert any("this goes on when that is over" in line for line in lines)


def test_an_engine_that_stays_away_is_given_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Run) -> str:
        raise EngineAway("the engine is gone")

    def runbook(run: Run) -> Runbook:
        return Runbook((Step("s0", "Step 0", lambda: away(run)),), lambda: play.undone.append("undone"))

    monkeypatch.setattr(operation_runner, "RUNBOOKS", {"deploy": runbook})
    with pytest.raises(EngineAway):
        run_operation(play.platform, play.operation)
    assert play.undone == []
    run_operation(play.platform, play.operation, last=True)
    play.operation.refresh_from_db()
    assert play.operation.state == Operation.State.FAILED
    assert play.undone == ["undone"]


def test_facts_survive_into_the_next_attempt_and_the_result(play: Play) -> None:
    done = play.run(lambda run: run.remember(release=3))
    assert done.result == {"release": 3}
