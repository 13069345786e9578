"""Accounts, the audit log, and a Havre elsewhere that is remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from havre.errors import UsageError
from havre.interfaces.cli import remembered
from havre.interfaces.cli.connection import Connection, choose
from support.api_stand_in import StandIn

Havre = Callable[..., Result]
LINK = {"name": "ada", "url": "/account/welcome/t0k3n/", "expires_at": "2099-01-31T12:03:00Z"}


def test_a_link_is_alone_on_standard_output(api: StandIn, havre: Havre) -> None:
    api.answer("POST", "/api/v1/users", LINK, 201)
    made = havre("admin", "create", "ada")
    assert made.stdout == "http://localhost:8700/account/welcome/t0k3n/\n"
    assert "panel.sock" in made.stderr
    assert api.asked[0].body == {"name": "ada", "role": "owner", "projects": [], "email": ""}

    elsewhere = "https://havre.example.org/account/welcome/t0k3n/"
    api.answer("POST", "/api/v1/users/ada/link", {**LINK, "url": elsewhere}, 201)
    made = havre("admin", "link", "ada", "--reset")
    assert made.stdout == f"{elsewhere}\n"
    assert "panel.sock" not in made.stderr
    assert api.asked[-1].body == {"forget_factors": True}


def test_an_account_is_changed(api: StandIn, havre: Havre) -> None:
    api.answer("PUT", "/api/v1/users/bob", {})
    havre("admin", "grant", "bob", "--role", "viewer", "-p", "shop", "-p", "blog")
    havre("admin", "lock", "bob")
    havre("admin", "unlock", "bob")
    assert [each.body for each in api.asked] == [
        {"role": "viewer", "projects": ["shop", "blog"]},
        {"active": False},
        {"active": True},
    ]
    assert havre("admin", "grant", "bob", "--role", "king").exit_code != 0


def test_an_account_is_removed_only_if_that_was_confirmed(api: StandIn, havre: Havre) -> None:
    api.answer("DELETE", "/api/v1/users/bob", None, 204)
    assert isinstance(havre("admin", "remove", "bob").exception, UsageError)  # nobody there to be asked
    assert api.asked == []
    assert havre("admin", "remove", "bob", "--yes").exit_code == 0
    assert [each.method for each in api.asked] == ["DELETE"]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01"])
def test_a_time_that_is_none_is_told(api: StandIn, havre: Havre, since: str) -> None:
    assert isinstance(havre("audit", "list", "--since", since).exception, UsageError)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[dict[str, str], Path]:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    connection = Connection(url="https://havre.example.org", token="havre_x", ca=Path("/etc/ca.pem"))
    return environ, remembered.store(environ, connection)


def test_what_is_remembered_is_for_its_owner_alone(kept: tuple[dict[str, str], Path]) -> None:
    environ, path = kept
    assert path.stat().st_mode & 0o777 == 0o600
    found = remembered.load(environ)
    assert found is not None
    assert (found.url, found.token, found.ca) == ("https://havre.example.org", "havre_x", Path("/etc/ca.pem"))
    assert "havre_x" not in repr(found)
    path.chmod(0o644)
    with pytest.raises(UsageError, match="read by others"):
        remembered.load(environ)
    path.chmod(0o600)
    path.write_text("[]")
    with pytest.raises(UsageError, match="cannot be read"):
        remembered.load(environ)
    assert remembered.forget(environ)
    assert not remembered.forget(environ)
    assert remembered.load(environ) is None


def test_what_is_named_wins_over_what_is_remembered(
    kept: tuple[dict[str, str], Path], tmp_path: Path
) -> None:
    environ, _ = kept
    socket = tmp_path / "api.sock"

    def chosen(**more: str) -> Connection:
        return choose(
            url="",
            socket=None,
            ca=None,
            environ={**environ, **more},
            default_socket=socket,
            remembered=lambda: remembered.load(environ),
        )

    assert chosen().url == "https://havre.example.org"
    assert chosen(HAVRE_URL="https://other.example", HAVRE_TOKEN="t").url == "https://other.example"
    assert chosen(HAVRE_SOCKET="/run/x.sock").socket == Path("/run/x.sock")
    socket.touch()  # on a server its own socket is meant
    assert chosen().socket == socket


def test_a_token_is_tried_before_it_is_kept(
    havre: Havre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    refused = havre("login", "http://127.0.0.1:9", input="havre_x\n")
    assert refused.exit_code != 0
    assert isinstance(havre("login", "http://havre.example.org", input="havre_x\n").exception, UsageError)
    assert isinstance(havre("login", "https://havre.example.org", input="").exception, UsageError)
    assert not (tmp_path / "havre").exists()
    assert "nothing" in havre("logout").stderr


def test_a_token_is_kept(havre: Havre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(
        "havre.interfaces.cli.client.Client.get", lambda *_args, **_more: {"version": "1.2.3"}
    )
    told = havre("login", "https://havre.example.org/", input="havre_x\n")
    assert told.exit_code == 0
    assert "havre_x" not in told.output
    assert json.loads((tmp_path / "havre/login.json").read_text())["token"] == "havre_x"
    assert havre("logout").exit_code == 0
    assert not (tmp_path / "havre/login.json").exists()
