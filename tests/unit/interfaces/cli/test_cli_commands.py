from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import Result

from havre.errors import UsageError
from havre.interfaces.cli import completion, screen
from havre.interfaces.cli.app import app
from havre.interfaces.cli.commands.logs import moment_of
from support.api_examples import BAD, RELEASE, operation
from support.api_stand_in import BREAK, StandIn, event

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


# Secrets


def test_a_secret_comes_from_standard_input(api: StandIn, havre: Havre) -> None:
    api.answer("PUT", f"{SHOP}/secrets/smtp", {"name": "smtp", "version": 2})
    result = havre("secrets", "set", "smtp", "-p", "shop", input="p4ss word\n")
    assert result.exit_code == 0
    assert api.of("PUT", f"{SHOP}/secrets/smtp")[0].body == {"value": "p4ss word"}
    assert "p4ss" not in result.output


@pytest.mark.parametrize("words", [["smtp=hunter2"], ["smtp", "hunter2"]])
def test_a_secret_in_an_argument_is_refused_and_not_repeated(
    api: StandIn, havre: Havre, words: list[str]
) -> None:
    result = havre("secrets", "set", *words, "-p", "shop", input="")
    assert result.exit_code == 64
    assert api.asked == []
    assert isinstance(result.exception, UsageError)
    assert "smtp" in str(result.exception)
    assert "hunter2" not in f"{result.output}{result.exception}{result.exception.hint}"


def test_secrets_come_from_lines(api: StandIn, havre: Havre) -> None:
    for name in ("a", "b"):
        api.answer("PUT", f"{SHOP}/secrets/{name}", {"name": name, "version": 1})
    text = '# comment\na=1$HOME\nexport b="two words"\n'
    assert havre("secrets", "set", "--from-env-file", "-", "-p", "shop", input=text).exit_code == 0
    assert [put.body for put in api.asked] == [{"value": "1$HOME"}, {"value": "two words"}]


@pytest.mark.parametrize("text", ["", "a=\n", "a\n"])
def test_lines_without_a_value_set_nothing(api: StandIn, havre: Havre, text: str) -> None:
    result = havre("secrets", "set", "--from-env-file", "-", "-p", "shop", input=text)
    assert result.exit_code == 64
    assert api.asked == []


def test_variables_that_look_secret_are_hidden_until_asked_for(api: StandIn, havre: Havre) -> None:
    rows = [
        {"service": "", "name": "SMTP_PASSWORD", "value": "hunter2"},
        {"service": "api", "name": "DB", "value": "postgres://u:hunter2@db/x"},
        {"service": "api", "name": "LOG_LEVEL", "value": "debug"},
    ]
    api.answer("GET", f"{SHOP}/variables", rows)
    for arguments in ([], ["--json"]):
        shown = havre("env", "list", "-p", "shop", *arguments).stdout
        assert "hunter2" not in shown
        assert "debug" in shown
    assert json.loads(havre("env", "list", "-p", "shop", "--json", "--show").stdout) == rows


def test_variables_are_set_and_unset(api: StandIn, havre: Havre) -> None:
    api.answer("PUT", f"{SHOP}/variables", [])
    api.answer("DELETE", f"{SHOP}/variables", [])
    assert havre("env", "set", "A=1", "B=x=y", "-s", "api", "-p", "shop").exit_code == 0
    assert havre("env", "unset", "A", "-p", "shop").exit_code == 0
    assert [each.body for each in api.asked] == [
        {"service": "api", "values": {"A": "1", "B": "x=y"}},
        {"service": "", "names": ["A"]},
    ]


# Looking


LISTINGS: list[tuple[list[str], str, list[dict[str, object]]]] = [
    (
        ["projects"],
        "/api/v1/projects",
        [{"name": "shop", "source": "/srv/shop", "subfolder": "apps", "environments": ["production"]}],
    ),
    (
        ["environments"],
        "/api/v1/environments",
        [
            {
                "project": "shop",
                "environment": "production",
                "release": 12,
                "commit": "8f3",
                "subject": "x",
                "state": "live",
                "deployed_at": "2026-01-31T12:03:00Z",
                "urls": ["https://shop.example"],
            },
            {
                "project": "shop",
                "environment": "staging",
                "release": None,
                "commit": "",
                "subject": "",
                "state": "new",
                "deployed_at": None,
                "urls": [],
            },
        ],
    ),
    (
        ["releases", "-p", "shop"],
        f"{SHOP}/releases",
        [RELEASE, {**RELEASE, "number": 11, "state": "superseded", "kept": True, "current": False}],
    ),
    (
        ["ps", "-p", "shop"],
        f"{SHOP}/services",
        [
            {
                "service": "api",
                "kind": "app",
                "release": 12,
                "replicas": 2,
                "running": 1,
                "state": "starting",
                "image": "sha256:1",
                "swarm_service": "shop-production-api-r12",
                "since": "2026-01-31T12:03:00.123456789Z",
                "error": "task: non-zero exit (1)",
                "urls": ["https://shop.example"],
            },
            {
                "service": "db",
                "kind": "postgres",
                "release": None,
                "replicas": 1,
                "running": 1,
                "state": "running",
                "image": "x",
                "swarm_service": "shop-production-db",
                "since": "",
                "error": "",
                "urls": [],
            },
        ],
    ),
    (
        ["operations", "list"],
        "/api/v1/operations",
        [
            operation(
                state="succeeded", started_at="2026-01-31T12:03:00Z", finished_at="2026-01-31T12:04:05Z"
            ),
            operation(6, "destroy", project="", environment=""),
        ],
    ),
    (
        ["operations", "show", "7"],
        "/api/v1/operations/7",
        operation(state="failed", error={"message": "m", "hint": "h", "detail": "d\ne", "retryable": True}),
    ),  # type: ignore[list-item]
    (
        ["tokens", "list"],
        "/api/v1/tokens",
        [{"name": "ci", "created_at": "2026-01-31T12:03:00Z", "expires_at": None, "last_used_at": None}],
    ),
    (
        ["secrets", "list", "-p", "shop"],
        f"{SHOP}/secrets",
        [
            {
                "name": "smtp",
                "version": 3,
                "created_at": "2026-01-31T12:03:00Z",
                "actor": "root",
                "generated": False,
                "unset_at": None,
            }
        ],
    ),
    (
        ["env", "list", "-p", "shop"],
        f"{SHOP}/variables",
        [{"service": "", "name": "LOG_LEVEL", "value": "debug"}],
    ),
]


@pytest.mark.parametrize(
    ("arguments", "path", "answer"), LISTINGS, ids=[" ".join(each[0]) for each in LISTINGS]
)
def test_a_listing_fits_80_columns_and_json_is_complete(
    api: StandIn, havre: Havre, arguments: list[str], path: str, answer: object
) -> None:
    api.answer("GET", path, answer)
    shown = havre(*arguments)
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert json.loads(havre(*arguments, "--json").stdout) == answer


def test_an_empty_listing_says_what_to_do(api: StandIn, havre: Havre) -> None:
    api.answer("GET", "/api/v1/environments", [])
    result = havre("environments")
    assert result.stdout == ""
    assert "havre deploy" in result.stderr


def test_a_destroyed_environment_keeps_its_name(api: StandIn, havre: Havre) -> None:
    api.answer("GET", "/api/v1/operations", [operation(6, "destroy", project="", environment="")])
    assert "shop-production" in havre("operations", "list").stdout


def test_a_token_is_alone_on_standard_output(api: StandIn, havre: Havre) -> None:
    api.answer("POST", "/api/v1/tokens", {"name": "ci", "token": "t0k3n", "expires_at": None}, 201)
    assert havre("tokens", "create", "ci").stdout == "t0k3n\n"
    assert api.asked[0].body == {"name": "ci", "days": 90}


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


def test_the_shares_of_a_canary_are_shown(api: StandIn, havre: Havre) -> None:
    row = {"service": "api", "kind": "app", "replicas": 2, "running": 2, "state": "running"}
    rows = [{**row, "release": 12, "weight": 75}, {**row, "release": 13, "weight": 25}]
    api.answer("GET", f"{SHOP}/services", rows)
    shown = havre("ps", "-p", "shop").stdout
    assert "75 % of requests" in shown
    assert "25 % of requests" in shown
    environment = {"project": "shop", "environment": "production", "release": 12, "state": "deploy"}
    beside = {"release": 13, "weights": {"api": 25}}
    api.answer("GET", "/api/v1/environments", [{**environment, "beside": beside}])
    assert "12 + 13" in havre("environments").stdout


def test_an_operation_is_cancelled(api: StandIn, havre: Havre) -> None:
    api.answer("POST", "/api/v1/operations/7/cancel", operation(), 202)
    assert havre("operations", "cancel", "7").exit_code == 0
    api.answer("POST", "/api/v1/operations/7/cancel", {"detail": "it is over", "retryable": False}, 409)
    assert havre("operations", "cancel", "7").exit_code == 4


# Logs


def line(number: int, text: str) -> str:
    return event(number, "line", service="api", release="12", task="t1", stream="", line=text)


def test_logs_ask_and_show(api: StandIn, havre: Havre) -> None:
    api.streams[f"{SHOP}/logs"] = [[line(1, "hello [b]"), line(2, "\x1b[31mred\x1b[0m")]]
    result = havre("logs", "-p", "shop", "-s", "api", "-s", "web", "--grep", "e", "--tail", "5")
    assert [each.partition(" ")[2] for each in result.stdout.splitlines()] == [
        "api r12 | hello [b]",
        "api r12 | \x1b[31mred\x1b[0m",
    ]
    assert api.asked[0].query == {"service": ["api", "web"], "grep": ["e"], "tail": ["5"]}
    assert json.loads(havre("logs", "-p", "shop", "--json").stdout.splitlines()[0])["line"] == "hello [b]"


def test_followed_logs_survive_a_broken_connection_without_a_repetition(api: StandIn, havre: Havre) -> None:
    refused = [event(9, "error", error={"message": "enough", "hint": ""})]
    api.streams[f"{SHOP}/logs"] = [
        [line(1, "a"), line(2, "b"), BREAK],
        [line(2, "b"), line(3, "c"), *refused],
    ]
    result = havre("logs", "-f", "-p", "shop")
    assert result.exit_code == 1  # the stream told an error, which ends following
    assert [each[-1] for each in result.stdout.splitlines()] == ["a", "b", "c"]
    assert api.asked[1].query["since"] == ["1769860982.0"]
    assert "tail" not in api.asked[1].query


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", 90), ("10m", 600), ("2h30m", 9000), ("1d", 86400), ("1w", 604800)],
)
def test_since_is_a_span(text: str, ago: int) -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moment_of(text, now) == now - timedelta(seconds=ago)


@pytest.mark.parametrize("text", ["", "10", "m", "10x", "-5m", "99999999999w", "2026-13-01"])
def test_since_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment_of(text, datetime(2026, 1, 31, tzinfo=UTC))


# Completion, figures


def test_completion_asks_the_api_and_is_silent_on_failure(
    api: StandIn, havre: Havre, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = typer.Context(get_command(app))
    ctx.params = {"project": "shop", "environment": "production"}
    api.answer("GET", f"{SHOP}/services", [{"service": "api"}, {"service": "api"}, {"service": "web"}])
    api.answer("GET", f"{SHOP}/releases", [RELEASE, {**RELEASE, "number": 11, "state": "superseded"}])
    assert completion.services(ctx, "") == ["api", "web"]
    assert completion.scales(ctx, "a") == ["api="]
    assert completion.releases(ctx, "") == ["11"]
    monkeypatch.setenv("HAVRE_SOCKET", "/nonexistent")
    assert completion.services(ctx, "") == []
    assert completion.environments(ctx, "") == []


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0.04, "0.0s"),
        (4.21, "4.2s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (125, "2m 05s"),
        (3780, "1h 03m"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert screen.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(None, ""), (532, "532 Bytes"), (8_400_000, "8.4 MB"), (182_000_000, "182 MB")]
)
def test_sizes(count: int | None, shown: str) -> None:
    assert screen.size(count) == shown
