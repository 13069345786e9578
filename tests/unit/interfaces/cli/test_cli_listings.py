"""Listings, figures and completion: they fit a terminal, and JSON is complete."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer
from typer.main import get_command
from typer.testing import Result

from havre.interfaces.cli import completion, screen
from havre.interfaces.cli.app import app
from support.api_examples import RELEASE, operation
from support.api_stand_in import StandIn

Havre = Callable[..., Result]
SHOP = "/api/v1/environments/shop/production"


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
        [
            {
                "name": "ci",
                "owner": "ada",
                "grants": [{"project": "shop", "role": "developer"}],
                "created_at": "2026-01-31T12:03:00Z",
                "expires_at": "2026-04-30T12:03:00Z",
                "last_used_at": "2026-01-31T12:03:00Z",
                "last_used_from": "203.0.113.9",
            }
        ],
    ),
    (
        ["admin", "list"],
        "/api/v1/users",
        [
            {
                "name": "ada",
                "email": "",
                "active": False,
                "has_password": True,
                "has_second_factor": True,
                "grants": [{"project": "", "role": "owner"}],
                "created_at": "2026-01-31T12:03:00Z",
                "last_sign_in": None,
            }
        ],
    ),
    (
        ["audit", "list"],
        "/api/v1/audit",
        [
            {
                "id": 1,
                "at": "2026-01-31T12:03:00Z",
                "actor": "ada",
                "via": "session",
                "address": "203.0.113.9",
                "action": "read what is known of secrets",
                "outcome": "refused",
                "project": "shop",
                "environment": "production",
                "details": {},
            }
        ],
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
    assert api.asked[0].body == {"name": "ci", "days": 90, "role": "viewer", "projects": []}


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
