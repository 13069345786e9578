"""``havre privacy erase``: every environment is looked at, nothing is done unasked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from support.api_examples import operation
from support.api_stand_in import Asked, StandIn

Havre = Callable[..., Result]
ROWS = [
    {"table": "member", "fate": "deleted", "rows": 1},
    {"table": "payment", "fate": "emptied", "rows": 3},
]
BACKUPS = [
    {
        "service": "db",
        "repository": "local",
        "label": "1F",
        "made_at": "",
        "expires_at": "2026-12-08T02:00:00+00:00",
    },
    {
        "service": "db",
        "repository": "local",
        "label": "2F",
        "made_at": "",
        "expires_at": "2026-12-15T02:00:00+00:00",
    },
]
FILES = [{"volume": "club-production-photos", "repository": "local", "expires_at": "2026-12-07T12:00:00"}]


def person(found: int) -> dict[str, Any]:
    return {
        "service": "db", "subject": "member.email", "found": found, "token": "ab" * 32,
        "rows": ROWS if found else [],
    }  # fmt: skip


@pytest.fixture
def club(api: StandIn) -> StandIn:
    """A project whose production has the person, whose staging has not, and whose preview is new."""
    names = {"production": 12, "staging": 3, "preview": None}
    rows = [{"project": "club", "environment": name, "release": number} for name, number in names.items()]
    api.answer("GET", "/api/v1/environments", [*rows, {**rows[0], "project": "other"}])

    def answer(asked: Asked) -> tuple[int, Any] | None:
        if (asked.method, asked.path) != ("POST", "/api/v1/operations"):
            return None
        params, place = asked.body["params"], asked.body["environment"]
        done: dict[str, Any] = (
            {}
            if params.get("dry_run")
            else {"erased_at": "2026-11-30T12:00:00", "backups": BACKUPS, "files": FILES}
        )
        result = {"persons": {"1": person(int(place == "production"))}, **done}
        return 202, operation(kind="erase", environment=place, state="succeeded", result=result)

    api.refuse = answer
    return api


def sent(api: StandIn) -> list[tuple[str, bool]]:
    bodies = [asked.body for asked in api.of("POST", "/api/v1/operations")]
    return [(body["environment"], body["params"].get("dry_run", False)) for body in bodies]


def test_a_dry_run_shows_the_rows_of_every_environment(club: StandIn, havre: Havre) -> None:
    result = havre("privacy", "erase", "-p", "club", "--subject", "member.email=a@b.example", "--dry-run")
    assert result.exit_code == 0
    assert sent(club) == [("production", True), ("staging", True)]
    assert "production" in result.stdout
    assert "are removed" in result.stdout
    assert "stay, emptied" in result.stdout
    assert "staging: nobody" in result.stderr
    assert "a@b.example" not in result.stdout + result.stderr


def test_it_asks_for_the_project_and_tells_which_backups_still_hold_the_data(
    club: StandIn, havre: Havre
) -> None:
    erase = ["privacy", "erase", "-p", "club", "--subject", "member.email=-"]
    refused = havre(*erase, input="a@b.example\n")
    assert refused.exit_code == 64
    assert "--yes-erase club" in refused.exception.hint  # type: ignore[union-attr]
    assert sent(club) == [("production", True), ("staging", True)]
    club.asked.clear()
    result = havre(*erase, "--yes-erase", "club", input=" a@b.example \n")
    assert result.exit_code == 0
    assert sent(club) == [("production", True), ("staging", True), ("production", False)]
    last = club.of("POST", "/api/v1/operations")[-1].body["params"]
    assert last["value"] == "a@b.example"
    assert last["confirm"] == "club-production"
    assert "knows the person as member.email abababababab" in result.stdout
    assert "2 backups still hold the data (db, local); the last one goes by 2026-12-15" in result.stderr
    assert "club-production-photos, local); the last one goes by 2026-12-07" in result.stderr


def test_an_environment_that_could_not_be_looked_at_is_told_and_the_others_are_done(
    club: StandIn, havre: Havre
) -> None:
    inner = club.refuse

    def answer(asked: Asked) -> tuple[int, Any] | None:
        found = inner(asked)
        if found and asked.body["environment"] == "staging":
            error = {"message": "it does not run", "hint": "start it", "detail": "x", "retryable": True}
            return 202, {**found[1], "state": "failed", "result": {}, "error": error}
        return found

    club.refuse = answer
    result = havre(
        "privacy", "erase", "-p", "club", "--subject", "member.id=7", "--yes-erase", "club", "--json"
    )
    assert result.exit_code == 1
    told = {row["environment"]: row for row in json.loads(result.stdout)["environments"]}
    assert told["production"]["erased_at"]
    assert told["staging"]["error"]["message"] == "it does not run"


def test_nobody_is_an_answer_of_its_own(club: StandIn, havre: Havre) -> None:
    result = havre("privacy", "erase", "-p", "club", "--subject", "member.id=7", "-e", "staging")
    assert result.exit_code == 1
    assert "nobody has this member.id" in result.stderr
    assert havre("privacy", "erase", "-p", "club", "--again", "-e", "staging").exit_code == 0
    assert club.of("POST", "/api/v1/operations")[-1].body["params"]["again"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["--again", "--subject", "member.id=7"],
        ["--subject", "id=7"],
        ["--subject", "member.id"],
        ["--subject", "member.id= "],
        ["--subject", "member.id=7", "-e", "preview"],
    ],
)
def test_what_is_no_person_is_refused_before_anything_is_asked(
    club: StandIn, havre: Havre, wrong: list[str]
) -> None:
    assert havre("privacy", "erase", "-p", "club", *wrong).exit_code == 64
    assert sent(club) == []
