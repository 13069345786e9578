"""Secrets and variables: values come from standard input, and are hidden."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from havre.errors import UsageError
from support.api_stand_in import StandIn

Havre = Callable[..., Result]
SHOP = "/api/v1/environments/shop/production"


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
