from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from havre.errors import HavreError
from havre.interfaces.cli import trouble
from havre.interfaces.cli.app import app
from support.api_examples import GOOD, RELEASE, operation
from support.api_stand_in import StandIn, on_socket


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test."""
    for name in [name for name in os.environ if name.startswith("HAVRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """An API on a unix socket that HAVRE_SOCKET names."""
    path = tmp_path / "api.sock"
    monkeypatch.setenv("HAVRE_SOCKET", str(path))
    with on_socket(path) as stand_in:
        stand_in.answer("POST", "/api/v1/operations", operation(), 202)
        stand_in.answer("GET", "/api/v1/operations/7", operation())
        stand_in.answer("GET", "/api/v1/environments/shop/production/releases", [RELEASE])
        stand_in.streams["/api/v1/operations/7/events"] = [GOOD]
        yield stand_in


@cache
def _command() -> object:
    return get_command(app)


@pytest.fixture
def havre(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in this process; an error ends it with the exit code that ``run()`` gives it."""
    monkeypatch.setattr("typer.testing._get_command", lambda _: _command())  # made once, not per test

    def invoke(*arguments: str, input: str | None = None) -> Result:  # noqa: A002 - as the runner calls it
        result = CliRunner().invoke(app, list(arguments), input=input, prog_name="havre")
        if isinstance(result.exception, HavreError):
            result.exit_code = trouble.exit_code(result.exception)
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Git repository of the project shop, and the current folder."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "havre.yaml").write_text("project: shop\nservices: {}\n")
    for name, value in {
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "First"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    monkeypatch.chdir(root)
    return root
