from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from havre.interfaces.cli import reference
from havre.interfaces.cli.app import app
from havre.interfaces.cli.examples import EXAMPLES
from havre.interfaces.cli.trouble import EXIT_CODES

PAGE = Path(__file__).parents[4] / reference.PAGE


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
