"""``havre cron`` and ``havre exec``, as far as they go without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from support.api_examples import operation
from support.api_stand_in import StandIn, event

Havre = Callable[..., Result]
CRON = "/api/v1/environments/shop/production/cron"
RUN = {
    "due_at": "2026-01-31T02:30:00+00:00",
    "state": "failed",
    "trigger": "schedule",
    "why": "node nightly.js exited with code 3",
    "operation": 41,
    "exit_code": 3,
    "started_at": "2026-01-31T02:30:00+00:00",
    "seconds": 75.0,
}
JOB = {
    "name": "nightly",
    "service": "api",
    "command": ["node", "nightly.js"],
    "schedule": "30 3 * * *",
    "timezone": "Europe/Paris",
    "overlap": "skip",
    "timeout": 3600.0,
    "paused": False,
    "paused_by": "",
    "next": "2126-02-01T02:30:00+00:00",
    "last": RUN,
}


def test_the_list_tells_what_comes_and_how_it_went(
    havre: Havre, api: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answer(
        "GET", CRON, [JOB, {**JOB, "name": "resting", "paused": True, "paused_by": "ada", "last": None}]
    )
    monkeypatch.setenv("COLUMNS", "200")
    shown = havre("cron", "list", "-p", "shop").stdout
    for words in (
        "nightly",
        "30 3 * * *",
        "Europe/Paris",
        "in 99 years",
        "failed",
        "1m 15s",
        "node nightly.js",
    ):
        assert words in shown
    assert "paused by ada" in shown
    assert json.loads(havre("cron", "list", "-p", "shop", "--json").stdout)[0] == JOB


def test_the_history_tells_why(havre: Havre, api: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = {**RUN, "state": "missed", "operation": None, "exit_code": None, "why": "nobody looked"}
    api.answer("GET", f"{CRON}/nightly/runs", [RUN, missed])
    monkeypatch.setenv("COLUMNS", "200")
    shown = havre("cron", "history", "nightly", "-p", "shop", "-n", "2").stdout
    assert "2026-01-31 02:30:00" in shown
    assert "exited with code 3" in shown
    assert "nobody looked" in shown
    assert api.of("GET", f"{CRON}/nightly/runs")[0].query == {"limit": ["2"]}


def test_run_now_ends_as_the_command_does(havre: Havre, api: StandIn) -> None:
    api.answer("POST", "/api/v1/operations", operation(kind="cron"), 202)
    api.streams["/api/v1/operations/7/events"] = [
        [
            event(1, "log", source="stdout", line="out"),
            event(2, "outcome", state="failed", error={"message": "no"}, result={"exit_code": 9}),
        ]
    ]
    done = havre("cron", "run", "nightly", "-p", "shop", "-e", "staging")
    assert (done.exit_code, done.stdout) == (9, "out\n")
    assert api.of("POST", "/api/v1/operations")[0].body == {
        "kind": "cron",
        "project": "shop",
        "environment": "staging",
        "params": {"job": "nightly"},
    }


def test_pause_and_resume(havre: Havre, api: StandIn) -> None:
    api.answer("POST", f"{CRON}/nightly/pause", {**JOB, "paused": True})
    api.answer("POST", f"{CRON}/nightly/resume", JOB)
    assert "nightly is paused" in havre("cron", "pause", "nightly", "-p", "shop").stderr
    assert "runs next in 99 years" in havre("cron", "resume", "nightly", "-p", "shop").stderr


def test_exec_is_refused_from_elsewhere(havre: Havre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAVRE_URL", "https://havre.example.org")
    monkeypatch.setenv("HAVRE_TOKEN", "havre_x")
    done = havre("exec", "-p", "shop", "api", "--", "sh")
    assert done.exit_code == 64
    assert "may not go into containers" in str(done.exception)
