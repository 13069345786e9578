"""``havre run``: what it asks for, how it passes output on, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from support.api_examples import operation
from support.api_stand_in import StandIn, event

Havre = Callable[..., Result]


def ending(state: str, error: str = "", **result: Any) -> list[str]:
    told = {"message": error, "hint": "look", "detail": "", "retryable": False} if error else None
    return [
        event(1, "plan", steps=[], attempt=1),
        event(2, "log", source="stdout", line="out"),
        event(3, "log", source="stderr", line="err"),
        event(4, "outcome", state=state, error=told, result=result),
    ]


@pytest.fixture
def run(api: StandIn, havre: Havre) -> Callable[..., Result]:
    api.answer("POST", "/api/v1/operations", operation(kind="run"), 202)

    def invoke(*arguments: str, events: list[str]) -> Result:
        api.streams["/api/v1/operations/7/events"] = [events]
        return havre("run", "-p", "shop", *arguments)

    return invoke


def test_words_after_the_dashes_are_passed_on_as_they_are(run: Callable[..., Result], api: StandIn) -> None:
    done = run(
        *("--env-var", "A=b=c", "--timeout", "90s", "api", "-e", "staging", "--", "node", "-e", "$(id)"),
        events=ending("succeeded", exit_code=0),
    )
    assert done.exit_code == 0
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    body = api.of("POST", "/api/v1/operations")[0].body
    assert body == {
        "kind": "run",
        "project": "shop",
        "environment": "staging",
        "params": {
            "service": "api",
            "command": ["node", "-e", "$(id)"],
            "release": None,
            "variables": {"A": "b=c"},
            "timeout": 90,
        },
    }


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (ending("failed", "it exited with code 7", exit_code=7), 7),
        (ending("failed", "it ran out of memory", exit_code=137), 137),
        (ending("failed", "it still ran", timed_out=True), 124),
        (ending("failed", "no such service"), 125),
        (ending("cancelled"), 125),
    ],
)
def test_the_commands_exit_code_or_why_there_is_none(
    run: Callable[..., Result], events: list[str], code: int
) -> None:
    done = run("api", "--", "x", events=events)
    assert done.exit_code == code
    assert done.stdout == "out\n"
    assert "error" in done.stderr


def test_events_as_json(run: Callable[..., Result]) -> None:
    done = run("api", "--json", "--", "x", events=ending("failed", "no", exit_code=3))
    assert done.exit_code == 3
    assert [line[:10] for line in done.stdout.splitlines()] == [f'{{"id": {n}, ' for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("wrong", [("--timeout", "5"), ("--env-var", "A")])
def test_wrong_options_are_named(run: Callable[..., Result], api: StandIn, wrong: tuple[str, str]) -> None:
    done = run(*wrong, "api", "--", "x", events=[])
    assert done.exit_code == 64
    assert wrong[1] in str(done.exception)
    assert api.of("POST", "/api/v1/operations") == []
