"""Questions before what cannot be taken back, as a person meets them: in a terminal, with typed answers."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from support.api_examples import operation
from support.api_stand_in import Asked, StandIn
from support.terminal import Terminal

PLAN = {
    "service": "db",
    "before": 15,
    "after": 17,
    "size": 1,
    "databases": ["shop"],
    "is_saved": True,
    "notes": ["subscriptions are taken along disabled"],
    "steps": ["make a restore point and a backup", "stop the application"],
}
RESTORED = {"plan": {"steps": ["read the full backup"]}, "service": "db"}
PERSON = {
    "service": "db",
    "subject": "member.email",
    "found": 1,
    "token": "ab" * 32,
    "rows": [{"table": "member", "fate": "deleted", "rows": 1}],
    "beside": {
        "before": {"found": 1, "rows": [{"table": "member", "fate": "deleted", "rows": 1}], "problem": ""}
    },
}


def havre(*arguments: str) -> Terminal:
    return Terminal([sys.executable, "-m", "havre", *arguments])


@pytest.fixture
def asked(api: StandIn) -> list[dict[str, Any]]:
    """What was asked for, beside dry runs; those say what would be done."""
    wanted: list[dict[str, Any]] = []

    def answer(one: Asked) -> tuple[int, Any] | None:
        if (one.method, one.path) != ("POST", "/api/v1/operations"):
            return None
        kind, params = one.body["kind"], one.body["params"]
        result = {"upgrade": {"plan": PLAN}, "restore": RESTORED, "erase": {"persons": {"1": PERSON}}}.get(
            kind, {}
        )
        if not params.get("dry_run"):
            wanted.append({"kind": kind, **params})
        done = {"erased_at": "2026-11-30T12:00:00"} if kind == "erase" else {}
        return 202, operation(kind=kind, state="succeeded", result={**result, **done})

    api.refuse = answer
    rows = [{"project": "shop", "environment": "production", "release": 1}]
    api.answer("GET", "/api/v1/environments", rows)
    return wanted


def test_an_upgrade_shows_its_plan_and_wants_the_whole_name(asked: list[dict[str, Any]]) -> None:
    terminal = havre("db", "upgrade", "-p", "shop")
    told = terminal.read("Type shop-production to go on")
    assert "db of production, PostgreSQL 15 to 17" in told
    assert "stop the application" in told
    assert "subscriptions are taken along disabled" in told
    terminal.type("shop\n")
    assert terminal.end() == 64
    assert "nothing was done" in terminal.text
    assert asked == []
    terminal = havre("db", "upgrade", "-p", "shop")
    terminal.read("to go on")
    terminal.type("shop-production\n")
    terminal.end()
    (one,) = asked
    assert (one["kind"], one["confirm"], one["version"]) == ("upgrade", "shop-production", None)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("db", "upgrade", "--confirm"), "\x03"),
        (("restore",), "\x04"),
        (("privacy", "erase", "--subject", "member.email=a@b.example"), "\x03"),
    ],
    ids=["upgrade: Ctrl-C", "restore: Ctrl-D", "erase: Ctrl-C"],
)
def test_a_question_that_is_left_does_nothing(
    asked: list[dict[str, Any]], command: tuple[str, ...], key: str
) -> None:
    terminal = havre(*command, "-p", "shop")
    terminal.read("to go on: ")
    assert terminal.leave(key) == 130, terminal.text
    assert "Traceback" not in terminal.text
    assert asked == []


def test_the_person_is_asked_for_and_databases_beside_are_shown(asked: list[dict[str, Any]]) -> None:
    terminal = havre("privacy", "erase", "--subject", "member.email", "-p", "shop")
    terminal.read("member.email of the person: ")
    terminal.type("ada@club.example\n")
    told = terminal.read("to go on")
    assert "member" in told
    terminal.type("shop\n")
    assert terminal.end() == 0
    (one,) = asked
    assert one["value"] == "ada@club.example"
    assert "production: erased" in terminal.text
