"""Commands that ask for operations: what they send, and how they end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from support.api_examples import BAD, operation
from support.api_stand_in import StandIn

Havre = Callable[..., Result]
SHOP = "/api/v1/environments/shop/production"


def asked(api: StandIn) -> object:
    return api.of("POST", "/api/v1/operations")[-1].body


def test_deploy_sends_the_repository_and_shows_each_step(
    api: StandIn, havre: Havre, repository: Path
) -> None:
    result = havre("deploy")
    assert result.exit_code == 0
    assert asked(api) == {
        "kind": "deploy",
        "project": "shop",
        "environment": "production",
        "params": {"source": str(repository), "subfolder": "", "ref": None},
    }
    assert "build api … 4.2s" in result.stdout
    assert "switch … 0.3s  2 replicas" in result.stdout
    for told in ("release", "12", "8f3c2a1b99", "Add workouts", "https://shop.example", "182 MB", "31s"):
        assert told in result.stdout
    assert "deps 12s, build 14s, 1 cached" in result.stdout


def test_deploy_warns_of_what_is_not_committed(api: StandIn, havre: Havre, repository: Path) -> None:
    (repository / "new.txt").write_text("x")
    result = havre("deploy", "--detach")
    assert result.exit_code == 0
    assert "new.txt" in result.stderr
    assert result.stdout == "7\n"
    assert "havre operations follow 7" in result.stderr
    assert "warning" not in havre("deploy", "--detach", "--ref", "main").stderr
    assert havre("deploy", "--detach", "--ref", "HEAD").exit_code == 0
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert asked(api)["params"]["ref"] == head.strip()


def test_a_failed_deployment_tells_cause_log_and_hint_and_ends_with_1(
    api: StandIn, havre: Havre, repository: Path
) -> None:
    api.streams["/api/v1/operations/7/events"] = [BAD]
    result = havre("deploy")
    assert result.exit_code == 1
    for told in ("build api … failed", "RUN pnpm build", "could not be built", "see the log above"):
        assert told in result.stdout


def test_json_prints_every_event_as_received(api: StandIn, havre: Havre, repository: Path) -> None:
    result = havre("deploy", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["step", "log", "step", "step", "step", "outcome"]
    assert lines[1] == {
        "id": 2,
        "event": "log",
        "data": {
            "source": "build api",
            "line": "#5 [build 2/3] RUN pnpm build",
            "at": "2026-01-31T12:03:02+00:00",
        },
    }


NAME = "shop-production"


@pytest.mark.parametrize(
    ("arguments", "kind", "params"),
    [
        (["rollback"], "rollback", {"release": None}),
        (["rollback", "12"], "rollback", {"release": 12}),
        (["restart"], "restart", {"services": None}),
        (["restart", "api", "web"], "restart", {"services": ["api", "web"]}),
        (["scale", "api=3", "--reset", "web"], "scale", {"replicas": {"api": 3, "web": None}}),
        (["destroy", "--yes-destroy", NAME], "destroy", {"volumes": False, "confirm": NAME}),
        (["destroy", "--volumes", "--yes-destroy", NAME], "destroy", {"volumes": True, "confirm": NAME}),
        (
            ["deploy", "--yes-interrupt", NAME],
            "deploy",
            {"source": None, "subfolder": "", "ref": None, "confirm": NAME},
        ),
        (["deploy", "--ref", "v1"], "deploy", {"source": None, "subfolder": "", "ref": "v1"}),
        (
            ["deploy", "--source", "git@x.org:a/b", "--subfolder", "c"],
            "deploy",
            {"source": "git@x.org:a/b", "subfolder": "c", "ref": None},
        ),
    ],
)
def test_each_command_asks_for_its_operation(
    api: StandIn, havre: Havre, arguments: list[str], kind: str, params: dict[str, object]
) -> None:
    result = havre(*arguments, "-p", "shop", "--detach", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["id"] == 7
    assert asked(api) == {"kind": kind, "project": "shop", "environment": "production", "params": params}


@pytest.mark.parametrize(
    "arguments",
    [
        ["scale"],
        ["scale", "api"],
        ["scale", "api=-1"],
        ["scale", "api=2", "--reset", "api"],
        ["destroy"],
        ["destroy", "--yes-destroy", "shop"],
        ["logs", "--since", "yesterday-ish"],
        ["logs", "--grep", "("],
        ["logs", "--grep", "(?=lookahead)"],
        ["env", "set", "1X=a"],
        ["env", "set", "X"],
        ["secrets", "set"],
    ],
)
def test_a_wrong_argument_asks_for_nothing_and_ends_with_64(
    api: StandIn, havre: Havre, arguments: list[str]
) -> None:
    assert havre(*arguments, "-p", "shop").exit_code == 64
    assert api.asked == []


def test_outside_a_project_the_name_is_asked_for(api: StandIn, havre: Havre) -> None:
    result = havre("ps")
    assert result.exit_code == 64
    assert "--project NAME" in getattr(result.exception, "hint", "")


@pytest.mark.parametrize(
    ("line", "path", "body", "said"),
    [
        (("promote",), "promote", {"fully": False}, "goes to its next weight"),
        (("promote", "--all"), "promote", {"fully": True}, "gets all requests"),
        (("abort",), "abort", {}, "is given up"),
    ],
)
def test_a_canary_is_promoted_and_given_up(  # noqa: PLR0917 - parametrized
    api: StandIn, havre: Havre, line: tuple[str, ...], path: str, body: object, said: str
) -> None:
    api.answer("POST", f"{SHOP}/canary/{path}", operation(), 202)
    result = havre(*line, "-p", "shop")
    assert result.exit_code == 0
    assert said in result.stderr
    assert "havre operations follow 7" in result.stderr
    assert api.of("POST", f"{SHOP}/canary/{path}")[-1].body == body


def test_an_operation_is_cancelled(api: StandIn, havre: Havre) -> None:
    api.answer("POST", "/api/v1/operations/7/cancel", operation(), 202)
    assert havre("operations", "cancel", "7").exit_code == 0
    api.answer("POST", "/api/v1/operations/7/cancel", {"detail": "it is over", "retryable": False}, 409)
    assert havre("operations", "cancel", "7").exit_code == 4
