"""Logs: filtered, followed through broken connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import Result

from havre.errors import UsageError
from havre.interfaces.cli.commands import logs
from havre.interfaces.cli.commands.logs import moment_of
from support.api_stand_in import BREAK, StandIn, event

Havre = Callable[..., Result]
SHOP = "/api/v1/environments/shop/production"


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


def test_levels_words_and_an_end_are_asked_for(api: StandIn, havre: Havre) -> None:
    api.streams[f"{SHOP}/logs"] = [[line(1, "x")]]
    havre(
        "logs",
        "-p",
        "shop",
        "-l",
        "warn",
        "--search",
        "a b",
        "--since",
        "2026-01-31T08:00+00:00",
        "--until",
        "2026-01-31T09:00+00:00",
    )
    assert api.asked[0].query == {
        "level": ["warn"],
        "text": ["a b"],
        "since": ["1769846400.0"],
        "until": ["1769850000.0"],
    }
    assert havre("logs", "-p", "shop", "-f", "--until", "1h").exit_code == 64
    with pytest.raises(UsageError, match=r"--until .x. is not a time"):
        moment_of("x", datetime(2026, 1, 31, tzinfo=UTC), "--until")


def test_a_line_is_shown_with_what_stands_around_it(api: StandIn, havre: Havre) -> None:
    row = {
        "at": "2026-01-31T08:00:00Z",
        "service": "",
        "stream": "havre",
        "release": "",
        "line": "deployment 3 begins",
    }
    api.answer("GET", f"{SHOP}/logs/lines/20260131-3-5", {"lines": [row], "id": "20260131-3-5"})
    result = havre("logs", "-p", "shop", "--line", "20260131-3-5")
    assert result.stdout.endswith("havre | deployment 3 begins\n")
    assert havre("logs", "-p", "shop", "--line", "../x").exit_code == 64


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"level":50,"msg":"boom","id":7}', "boom  level=50 id=7"),
        ('{"n":1}', '{"n":1}'),
        ("plain \x1b[31mred\x1b[0m \x1b[2Jno", "plain red no"),
    ],
)
def test_json_is_shown_by_its_message(text: str, shown: str) -> None:
    assert logs._readable(text).plain == shown


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
