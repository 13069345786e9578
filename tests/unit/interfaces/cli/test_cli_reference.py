from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from havre.interfaces.cli import man, reference
from havre.interfaces.cli.app import app
from havre.interfaces.cli.examples import EXAMPLES
from havre.interfaces.cli.trouble import EXIT_CODES

ROOT = Path(__file__).parents[4]
PAGE = ROOT / reference.PAGE
NO_JSON = {
    "admin grant": "says nothing but that it is done",
    "admin lock": "says nothing but that it is done",
    "admin remove": "says nothing but that it is done",
    "admin unlock": "says nothing but that it is done",
    "audit export": "its output is a file already",
    "login": "says nothing but that it is done",
    "logout": "says nothing but that it is done",
    "db psql": "its output is that of psql",
    "privacy export": "it prints nothing but JSON",
    "exec": "its output is that of the command",
    "recovery-kit": "a secret, as the text that a rebuild reads",
    "web": "a process in the foreground",
    "worker": "a process in the foreground",
    "serve": "a process in the foreground",
    "manifest schema": "its output is JSON already",
    "manifest sample": "its output is a file to edit",
    "deploy-key create": "prints one key and nothing else",
    "deploy-key set": "says nothing but that it is done",
    "deploy-key unset": "says nothing but that it is done",
    "env set": "says nothing but that it is done",
    "env unset": "says nothing but that it is done",
    "secrets set": "says nothing but that it is done",
    "secrets unset": "says nothing but that it is done",
    "server local-ca untrust": "says nothing but that it is done",
    "server local-ca remove": "says nothing but that it is done",
    "continuity report": "its output are files; `continuity status --json` has the facts",
    "backup storage remove": "says nothing but that it is done",
    "alert channel remove": "says nothing but that it is done",
    "tokens revoke": "says nothing but that it is done",
}
"""Commands without ``--json``, and why. What lists or shows anything has it."""


def below(group: object, prefix: str = "") -> dict[str, TyperCommand]:
    if isinstance(group, TyperGroup):
        found: dict[str, TyperCommand] = {}
        for name, command in group.commands.items():
            found |= below(command, f"{prefix} {name}".strip())
        return found
    assert isinstance(group, TyperCommand)
    return {prefix: group}


COMMANDS = below(get_command(app))


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == reference.markdown(), "run: python -m havre.interfaces.cli.reference"


def test_the_manual_page_is_current() -> None:
    stored = (ROOT / reference.MAN_PAGE).read_text()
    assert stored == man.page(), "run: python -m havre.interfaces.cli.reference"


def test_the_manual_page_tells_every_command_and_exit_code() -> None:
    page = man.page()
    for name in COMMANDS:
        assert f"\n.SS havre {name}".replace("-", r"\-") in page
    for code, meaning in EXIT_CODES.items():
        assert f".TP\n\\fB{code}\\fR\n{man.roff(meaning)}\n" in page


def test_every_line_of_the_manual_page_is_text_or_a_known_request() -> None:
    known = {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".nf", ".fi", '.\\"'}
    for line in man.page().splitlines():
        assert line, "an empty line is an error of man(7)"
        assert not line.startswith("'")
        assert not line.startswith(".") or line.split()[0] in known, line


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_everything_that_lists_or_shows_has_json(name: str) -> None:
    has = any("--json" in getattr(param, "opts", ()) for param in COMMANDS[name].params)
    assert has != (name in NO_JSON), f"{name}: give it --json, or a reason in NO_JSON"


def test_the_page_tells_every_command_and_exit_code() -> None:
    page = PAGE.read_text()
    for name in COMMANDS:
        assert f"## havre {name}\n" in page
    for code in EXIT_CODES:
        assert f"\n| {code} |" in page


def test_every_command_has_examples_and_every_example_a_command() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize(
    ("command", "line"), [(name, line) for name, found in EXAMPLES.items() for line, _ in found]
)
def test_an_example_is_accepted(command: str, line: str) -> None:
    words = shlex.split(re.sub(r"\s[<>]\s.*", "", line.rpartition("|")[2] if "| havre" in line else line))
    words = words[words.index("havre") + 1 :]
    assert words[: len(command.split())] == command.split()
    rest = words[len(command.split()) :]
    typer_command = COMMANDS[command]
    typer_command.make_context(command, list(rest), parent=typer.Context(typer_command))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_explained(name: str) -> None:
    for param in COMMANDS[name].params:
        if param.param_type_name == "option":
            assert getattr(param, "help", ""), param.name


RUNBOOKS = Path(__file__).parents[4] / "docs" / "runbooks"


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_a_runbook_is_one(page: Path) -> None:
    for line in re.findall(r"^havre .*$|`havre [^`]*`", page.read_text(), re.MULTILINE):
        words = shlex.split(re.sub(r"\s+[#>].*", "", line.strip("`")))[1:]
        names = [" ".join(words[:count]) for count in (3, 2, 1)]
        command = next((name for name in names if name in COMMANDS), "")
        assert command, line
        if not line.startswith("`"):  # to be typed, and not only spoken of
            rest = words[len(command.split()) :]
            COMMANDS[command].make_context(command, rest, parent=typer.Context(COMMANDS[command]))
