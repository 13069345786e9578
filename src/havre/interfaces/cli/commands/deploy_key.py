"""``havre deploy-key``: the SSH key by which a private repository is read."""

from __future__ import annotations

import sys

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Project, open_client, project_of

app = typer.Typer(
    no_args_is_help=True, help="The SSH key by which Havre reads a project's private repository."
)


@app.command()
def create(ctx: typer.Context, project: Project = "") -> None:
    """Make a key pair: Havre keeps the private key, sealed; the public one is printed.

    Give the public key to the repository as a deploy key that may only read.
    """
    from havre.adapters.git import deploy_keys  # noqa: PLC0415 - start-up time

    place = project_of(project)
    private, public = deploy_keys.make(f"havre-{place}")
    _store(ctx, place, private)
    typer.echo(public)


@app.command("set")
def set_(ctx: typer.Context, project: Project = "") -> None:
    """Set a private key of your own, read from standard input; it must have no passphrase."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    place = project_of(project)
    if sys.stdin.isatty():
        raise UsageError(
            "no key was given", hint="give its file to standard input: havre deploy-key set < id_ed25519"
        )
    _store(ctx, place, sys.stdin.read())
    screen.note(f"{place} is read with this key from the next deployment on")


@app.command()
def unset(ctx: typer.Context, project: Project = "") -> None:
    """Forget the project's key."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    place = project_of(project)
    open_client(ctx).delete(_path(place))
    screen.note(f"{place} is read without a key from now on")


def _path(project: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    return f"/api/v1/projects/{quote(project, safe='')}/deploy-key"


def _store(ctx: typer.Context, project: str, private: str) -> None:
    open_client(ctx).put(_path(project), {"value": private})
