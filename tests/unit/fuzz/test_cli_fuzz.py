"""The command line with arguments that nobody would type: a documented exit code, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner

from havre.errors import HavreError
from havre.interfaces.cli import trouble
from havre.interfaces.cli.app import app

# Those that become another process, change this machine, or read what is typed.
NOT_HERE = {"serve", "web", "worker", "server", "doctor", "init"}
COMMANDS = sorted(get_command(app).commands.keys() - NOT_HERE)  # type: ignore[attr-defined]
WORDS = st.one_of(
    st.sampled_from(
        "--json --project -p --env -e --source --ref --volumes set list show check -- -h 1 -1 A=1 ="
        " $(touch§x) ../.. /etc/passwd https://127.0.0.1:9/x".replace("§", "\u202f").split(" ")
    ),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20),
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Havre answers, and the folder holds nothing."""
    monkeypatch.setenv("HAVRE_SOCKET", str(tmp_path / "none.sock"))
    monkeypatch.chdir(tmp_path)


@given(command=st.sampled_from(COMMANDS), words=st.lists(WORDS, max_size=5))
@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_arguments_end_in_a_documented_way(command: str, words: list[str]) -> None:
    if any(word.startswith(("--install", "--show-comp", "--out")) for word in words):
        return
    done = CliRunner().invoke(app, [command, *words], input="")
    error = done.exception
    if isinstance(error, HavreError):
        assert trouble.exit_code(error) in trouble.EXIT_CODES
        assert error.message
        return
    assert error is None or isinstance(error, SystemExit), (command, words, error)
    assert done.exit_code in trouble.EXIT_CODES, (command, words, done.output)
    assert "Traceback" not in done.output
    assert not Path("x").exists()
