"""A protected environment asks for its name: on a terminal it is typed, in a script it is an option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from support.api_examples import operation
from support.api_stand_in import Asked, StandIn

Havre = Callable[..., Result]
NAME = "shop-production"
OPERATIONS = "/api/v1/operations"
CANARY = "/api/v1/environments/shop/production/canary"
REFUSAL = {
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": f"{NAME} is protected: this has to be confirmed",
    "hint": "",
    "retryable": False,
    "confirm": NAME,
}


def named(asked: Asked) -> str:
    body: dict[str, Any] = asked.body or {}
    return str(body.get("params", body).get("confirm", ""))


@pytest.fixture
def protected(api: StandIn) -> StandIn:
    """An API that refuses whatever does not name its environment."""
    for path in (OPERATIONS, f"{CANARY}/promote", f"{CANARY}/abort"):
        api.answer("POST", path, operation(), 202)
    api.refuse = lambda asked: (422, REFUSAL) if asked.method == "POST" and named(asked) != NAME else None
    return api


COMMANDS = pytest.mark.parametrize(
    ("line", "path"),
    [
        (("rollback", "--detach"), OPERATIONS),
        (("restart", "--detach"), OPERATIONS),
        (("scale", "--detach", "api=2"), OPERATIONS),
        (("run", "--detach", "api", "--", "id"), OPERATIONS),
        (("promote",), f"{CANARY}/promote"),
        (("abort",), f"{CANARY}/abort"),
    ],
)


@COMMANDS
def test_on_a_terminal_the_name_is_typed(
    protected: StandIn, havre: Havre, monkeypatch: pytest.MonkeyPatch, line: tuple[str, ...], path: str
) -> None:
    monkeypatch.setattr("havre.interfaces.cli.session.is_attended", lambda: True)
    command, *rest = line
    done = havre(command, "-p", "shop", *rest, input=f"{NAME}\n")
    assert done.exit_code == 0, done.stderr
    assert f"Type {NAME} to go on" in done.stderr
    assert [named(asked) for asked in protected.of("POST", path)] == ["", NAME]
    done = havre(command, "-p", "shop", *rest, input="production\n")
    assert done.exit_code == 64
    assert len(protected.of("POST", path)) == 3


@COMMANDS
def test_in_a_script_it_is_an_option(
    protected: StandIn, havre: Havre, line: tuple[str, ...], path: str
) -> None:
    command, *rest = line
    done = havre(command, "-p", "shop", *rest)
    assert done.exit_code == 64
    assert getattr(done.exception, "hint", "") == f"in a script: --yes-interrupt {NAME}"
    assert havre(command, "-p", "shop", "--yes-interrupt", "shop-prod", *rest).exit_code == 64
    assert havre(command, "-p", "shop", "--yes-interrupt", NAME, *rest).exit_code == 0
    assert [named(asked) for asked in protected.of("POST", path)] == ["", "shop-prod", NAME]


def test_a_program_is_never_asked(protected: StandIn, havre: Havre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("havre.interfaces.cli.session.is_attended", lambda: True)
    done = havre("restart", "-p", "shop", "--json", input=f"{NAME}\n")
    assert done.exit_code == 64
    assert len(protected.of("POST", OPERATIONS)) == 1
