"""The commands about differences: what they ask for, how they show it, how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from support.api_stand_in import StandIn, event

Havre = Callable[..., Result]
EVENTS = "/api/v1/operations/7/events"


def change(action: str, name: str, **more: Any) -> dict[str, Any]:
    given = {"fields": [], "interrupts": False, "destructive": False, "reason": ""}
    return {"action": action, "kind": "service", "name": name, **given, **more}


def made(
    *changes: dict[str, Any], drift: Any = (), adopt: Any = (), protected: bool = False
) -> dict[str, Any]:
    return {
        "format": 1,
        "project": "shop",
        "environment": "production",
        "commit": "0123456789abcdef",
        "subject": "Sell more",
        "protected": protected,
        "has_changes": bool(changes),
        "changes": list(changes),
        "drift": list(drift),
        "adopt": list(adopt),
        "basis": {"release": "3"},
    }


def answers(api: StandIn, plan: dict[str, Any]) -> None:
    api.streams[EVENTS] = [[event(1, "outcome", state="succeeded", error=None, result={"plan": plan})]]


REPLACED = change(
    "replace",
    "api",
    interrupts=True,
    fields=[
        {"path": "env.A", "before": "hidden:1", "after": "hidden:2"},
        {"path": "n", "before": "", "after": "x"},
    ],
)
DRIFT = {
    "kind": "service",
    "name": "api",
    "state": "changed",
    "fields": [{"path": "replicas", "before": "1", "after": "3"}],
}
WAY = {"service": "api", "path": "replicas", "way": "scale", "remedy": ""}


def test_a_plan_shows_signs_fields_and_marks_and_ends_with_2(api: StandIn, havre: Havre) -> None:
    answers(api, made(REPLACED, change("create", "web"), change("delete", "old", destructive=True)))
    result = havre("plan", "-p", "shop")
    assert result.exit_code == 2
    told = result.stdout
    assert "-/+ service api  interrupts service" in told
    assert "env.A: (hidden) -> (hidden)" in told
    assert "+ service web" in told
    assert "- service old  destructive" in told
    assert "Plan: 1 to create, 1 to replace, 1 to delete" in told
    assert "hidden:" not in told


def test_without_changes_it_ends_with_0(api: StandIn, havre: Havre) -> None:
    answers(api, made())
    result = havre("plan", "-p", "shop")
    assert result.exit_code == 0
    assert "no changes" in result.stdout


def test_json_is_the_plan_itself(api: StandIn, havre: Havre) -> None:
    answers(api, made(REPLACED))
    result = havre("plan", "-p", "shop", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout) == made(REPLACED)


def test_only_drift_asks_for_no_source(api: StandIn, havre: Havre) -> None:
    answers(api, made(drift=[DRIFT], adopt=[WAY]))
    result = havre("plan", "-p", "shop", "--drift")
    assert result.exit_code == 2
    assert "replicas: 1 -> 3" in result.stdout
    assert "havre adopt" in result.stdout
    assert api.of("POST", "/api/v1/operations")[0].body["params"] == {"drift": True}
    answers(api, made())
    assert havre("plan", "-p", "shop", "--drift").exit_code == 0
    assert havre("plan", "-p", "shop", "--drift", "--ref", "x").exit_code == 64


@pytest.mark.parametrize(("kind", "code"), [({}, 1), ({"kind": "failure"}, 1), ({"kind": "usage"}, 64)])
def test_a_failed_plan_tells_why_and_is_not_taken_for_changes(
    api: StandIn, havre: Havre, kind: dict[str, str], code: int
) -> None:
    error = {"message": "no secret smtp", "hint": "set it", "detail": "", "retryable": False, **kind}
    api.streams[EVENTS] = [[event(1, "outcome", state="failed", error=error, result={})]]
    result = havre("plan", "-p", "shop")
    assert result.exit_code == code
    assert "no secret smtp" in str(result.exception)


def test_a_saved_plan_is_applied_as_it_is(api: StandIn, havre: Havre, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    answers(api, made(change("create", "web")))
    assert havre("plan", "-p", "shop", "--source", "git@x.org:a/b", "--out", str(file)).exit_code == 2
    result = havre("apply", str(file), "--detach", "--json")
    assert result.exit_code == 0, result.output
    asked = api.of("POST", "/api/v1/operations")[-1].body
    assert asked["kind"] == "apply"
    assert asked["params"]["plan"] == made(change("create", "web"))
    assert asked["params"]["source"] == "git@x.org:a/b"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"havre_plan": 9, "plan": {"commit": "a"}}'])
def test_what_is_no_plan_is_refused(api: StandIn, havre: Havre, tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    assert havre("apply", str(tmp_path / "plan.json")).exit_code == 64
    assert api.asked == []


def test_nothing_to_apply_asks_for_nothing(api: StandIn, havre: Havre) -> None:
    answers(api, made())
    assert havre("apply", "-p", "shop").exit_code == 0
    assert [asked.body["kind"] for asked in api.of("POST", "/api/v1/operations")] == ["plan"]


def test_a_protected_environment_is_not_interrupted_without_its_name(api: StandIn, havre: Havre) -> None:
    answers(api, made(REPLACED, protected=True))
    assert havre("apply", "-p", "shop", "--yes").exit_code == 64
    assert [asked.body["kind"] for asked in api.of("POST", "/api/v1/operations")] == ["plan"]
    result = havre("apply", "-p", "shop", "--yes-interrupt", "shop-production", "--detach", "--json")
    assert result.exit_code == 0, result.output
    assert api.of("POST", "/api/v1/operations")[-1].body["params"]["confirm"] == "shop-production"


def test_without_somebody_to_ask_an_apply_needs_yes(api: StandIn, havre: Havre) -> None:
    answers(api, made(change("create", "web")))
    assert havre("apply", "-p", "shop").exit_code == 64
    assert havre("apply", "-p", "shop", "--yes", "--detach", "--json").exit_code == 0


def test_what_drift_is_left_ends_with_2(api: StandIn, havre: Havre) -> None:
    remedy = {"service": "api", "path": "image", "way": "", "remedy": "commit it"}
    answers(api, made(drift=[DRIFT], adopt=[remedy]))
    result = havre("adopt", "-p", "shop", "--yes", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["adopted"] == []
    assert [asked.body["kind"] for asked in api.of("POST", "/api/v1/operations")] == ["plan"]


def test_copying_shows_first_and_asks_before_it_overwrites(api: StandIn, havre: Havre) -> None:
    path = "/api/v1/environments/shop/staging/copy"
    row = {"kind": "variable", "service": "", "name": "LEVEL", "outcome": "overwrite"}
    api.answer("GET", "/api/v1/environments", [])
    api.answer("POST", path, [row])
    result = havre("env", "copy", "production", "staging", "-p", "shop")
    assert result.exit_code == 64
    assert "~ overwrite" in result.stdout
    assert [asked.body.get("dry_run") for asked in api.of("POST", path)] == [True]
    assert havre("env", "copy", "production", "staging", "-p", "shop", "--dry-run").exit_code == 0
    assert havre("env", "copy", "production", "staging", "-p", "shop", "--yes", "--secrets").exit_code == 0
    assert api.of("POST", path)[-1].body == {
        "source": "production",
        "secrets": True,
        "overwrite": True,
        "confirm": "",
    }
