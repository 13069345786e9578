"""Options that are written once: the fields of a dataclass become a command's options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from havre.interfaces.cli.grouping import grouped


@dataclass(frozen=True)
class Group:
    first: Annotated[str, typer.Option("--first", "-f", help="The first.")] = "a"
    second: Annotated[bool, typer.Option("--second")] = False


def test_a_group_is_its_options_and_arrives_as_one() -> None:
    app = typer.Typer()

    @app.command()
    @grouped
    def command(ctx: typer.Context, *, word: str, group: Group, last: int = 3) -> None:
        """What it does."""
        typer.echo(f"{ctx.info_name} {word} {group.first} {group.second} {last}")

    run = CliRunner()
    assert run.invoke(app, ["x", "-f", "b", "--second"], prog_name="p").stdout == "p x b True 3\n"
    assert run.invoke(app, ["x", "--last", "4"], prog_name="p").stdout == "p x a False 4\n"
    told = run.invoke(app, ["--help"]).stdout
    assert "What it does." in told
    assert told.index("--first") < told.index("--second") < told.index("--last")
