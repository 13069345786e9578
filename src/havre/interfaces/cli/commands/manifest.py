"""``havre manifest``: check a ``havre.yaml``, print its schema or a sample. Needs no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Json

app = typer.Typer(
    no_args_is_help=True,
    help="Check a havre.yaml, print its JSON Schema or a commented sample. Needs no server.",
)


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="Default: havre.yaml in this folder or above it.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a manifest and say everything that is wrong with it, each with its line and remedy."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.manifest import load_file  # noqa: PLC0415 - start-up time

    path = file or _nearest(Path.cwd())
    manifest = load_file(path)
    if as_json:
        screen.print_json(manifest.model_dump(mode="json"))
        return
    services = ", ".join(f"{name} ({service.kind})" for name, service in manifest.services.items())
    typer.echo(f"{path} is valid: {manifest.project}: {services}; {', '.join(manifest.environments)}")


def _nearest(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "havre.yaml").is_file():
            return folder / "havre.yaml"
    raise UsageError(f"no havre.yaml in {start} or above it", hint="write one: havre init")


@app.command()
def schema() -> None:
    """Print the JSON Schema of havre.yaml, for editors."""
    from havre.manifest.schema import json_schema_text  # noqa: PLC0415 - start-up time

    typer.echo(json_schema_text(), nl=False)


@app.command()
def sample() -> None:
    """Print a commented havre.yaml to begin with."""
    from havre.manifest.schema import sample_yaml  # noqa: PLC0415 - start-up time

    typer.echo(sample_yaml(), nl=False)
