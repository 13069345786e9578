"""What the commands share: the connection, options, the project that is meant."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.trouble import FAILED

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client

PRODUCTION = "production"

Environment = Annotated[
    str,
    typer.Option(
        "--env",
        "-e",
        help="The environment: production, staging …",
        show_default=True,
        autocompletion=completion.environments,
    ),
]
Project = Annotated[
    str,
    typer.Option(
        "--project",
        "-p",
        metavar="NAME",
        help="The project. Default: the one whose havre.yaml is in this folder or above it.",
        show_default=False,
        autocompletion=completion.projects,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs. Errors too, on standard error.")
]
Detach = Annotated[
    bool, typer.Option("--detach", "-d", help="Print the operation's number and return at once.")
]
Events = Annotated[
    bool, typer.Option("--json", help="Print every event as a line of JSON. Errors too, on standard error.")
]
YesInterrupt = Annotated[
    str,
    typer.Option(
        "--yes-interrupt",
        metavar="PROJECT-ENVIRONMENT",
        help="The name of a protected environment, for scripts: consent to what interrupts or destroys.",
        show_default=False,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Where the output is no terminal: print log lines too.")
]


@dataclass(frozen=True)
class Where:
    """The options that name a Havre, given before the command."""

    url: str = ""
    socket: Path | None = None
    ca: Path | None = None


def open_client(ctx: typer.Context, *, quick: bool = False) -> Client:
    """A client of the Havre that options and environment name; nothing is sent yet.

    Args:
        ctx: the command's context.
        quick: give up after a second, for shell completion.
    """
    import httpx  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli.client import Client  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.connection import choose  # noqa: PLC0415 - start-up time

    where = ctx.find_object(Where) or Where()
    connection = choose(
        url=where.url,
        socket=where.socket,
        ca=where.ca,
        environ=os.environ,
        default_socket=default_socket(),
    )
    return Client(connection, timeout=httpx.Timeout(1)) if quick else Client(connection)


def default_socket() -> Path:
    """Where the API's socket of this server is.

    Raises:
        UsageError: the server's settings are wrong.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - start-up time

    from havre.config import config  # noqa: PLC0415 - start-up time

    try:
        return config().paths.api_socket
    except (ValidationError, ValueError, OSError) as error:
        raise UsageError(
            "Havre's settings cannot be read", hint="correct /etc/havre/havre.toml", detail=str(error)
        ) from error


def project_of(name: str) -> str:
    """The project that is meant: the named one, else the one around the current folder."""
    if name:
        return name
    from havre.interfaces.cli.target import project_around  # noqa: PLC0415 - start-up time

    return project_around(Path.cwd())


def run_operation(
    ctx: typer.Context,
    request: dict[str, Any],
    *,
    detach: bool,
    as_json: bool,
    verbose: bool = False,
) -> None:
    """Ask for an operation and follow it, or print its number."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.follow import follow  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    operation = client.post("/api/v1/operations", request)
    if not detach:
        if not as_json:
            name = f"{request['project']} {request['environment']}"
            screen.note(f"{request['kind']} {name}: operation {operation['id']}")
        try:
            follow(client, operation, as_json=as_json, verbose=verbose)
        except typer.Exit as ended:
            name = _wants_consent(client, operation, ended) if sys.stdin.isatty() and not as_json else ""
            if not name or request["params"].get("confirm"):
                raise
            params = {**request["params"], "confirm": consent(name, "Nothing was done yet.")}
            run_operation(ctx, {**request, "params": params}, detach=detach, as_json=as_json, verbose=verbose)
    elif as_json:
        screen.print_json(operation)
    else:
        typer.echo(operation["id"])
        screen.note(f"follow it: havre operations follow {operation['id']}")


def _wants_consent(client: Client, operation: dict[str, Any], ended: typer.Exit) -> str:
    """The name by which a refused operation may be confirmed; empty if it ended in another way."""
    if ended.exit_code != FAILED:
        return ""
    row = client.get(f"/api/v1/operations/{operation['id']}")
    return str((row.get("result") or {}).get("confirm") or "")


def consent(full_name: str, why: str) -> str:
    """Ask for the name of a protected environment before it is interrupted.

    Raises:
        UsageError: nobody is there to ask, or it was not typed.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"{full_name} is protected, so this must be confirmed",
            hint=f"in a script: --yes-interrupt {full_name}",
        )
    given = prompt(f"{why}\n{full_name} is protected. Type {full_name} to go on")
    if given != full_name:
        raise UsageError(f"nothing was done: {given!r} is not {full_name!r}", hint="type the name exactly")
    return given


def confirm(question: str) -> bool:
    """Ask yes or no; Ctrl-C is an interruption, not a no."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        raise typer.Exit(130) from None


def prompt(question: str, *, hidden: bool = False, twice: bool = False) -> str:
    """Ask for a line; Ctrl-C ends the command."""
    try:
        return str(typer.prompt(question, hide_input=hidden, confirmation_prompt=twice, err=True))
    except typer.Abort:
        raise typer.Exit(130) from None
