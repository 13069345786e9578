"""What the commands share: the connection, options, the project that is meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from havre.errors import ConsentError, UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.trouble import FAILED

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client

PRODUCTION = "production"
R = TypeVar("R")

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
        help="The name of a protected environment, which asks for it: consent, for scripts.",
        show_default=False,
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Where the output is no terminal: print log lines too.")
]


@dataclass(frozen=True)
class Place:
    """The options that name an environment of a project."""

    environment: Environment = PRODUCTION
    project: Project = ""


@dataclass(frozen=True)
class Commit:
    """The options that name what to deploy."""

    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="PATH|URL",
            help="The repository: a folder of this server or a Git URL. Default: the one around this folder.",
            show_default=False,
        ),
    ] = ""
    subfolder: Annotated[
        str,
        typer.Option(
            "--subfolder",
            metavar="PATH",
            help="Where havre.yaml is inside the repository.",
            show_default=False,
        ),
    ] = ""
    ref: Annotated[
        str,
        typer.Option(
            "--ref",
            metavar="REF",
            help="Branch, tag or commit; in its repository also HEAD~1. Default: the branch in havre.yaml.",
            show_default=False,
        ),
    ] = ""


@dataclass(frozen=True)
class Following:
    """The options of commands that follow an operation."""

    detach: Detach = False
    as_json: Events = False
    verbose: Verbose = False


@dataclass(frozen=True)
class Passing:
    """The options of commands that pass on what an operation writes."""

    detach: Detach = False
    as_json: Events = False


@dataclass(frozen=True)
class Consent:
    """The option of commands for which a protected environment asks."""

    yes_interrupt: YesInterrupt = ""


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

    from havre.interfaces.cli import remembered  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import Client  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.connection import choose  # noqa: PLC0415 - start-up time

    where = ctx.find_object(Where) or Where()
    connection = choose(
        url=where.url,
        socket=where.socket,
        ca=where.ca,
        environ=os.environ,
        default_socket=default_socket(),
        remembered=lambda: remembered.load(os.environ),
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
    kind: str,
    place: Place,
    params: dict[str, Any],
    following: Following,
    *,
    consented: str = "",
) -> None:
    """Ask for an operation and follow it, or print its number.

    Args:
        ctx: the command's context.
        kind: the kind of operation.
        place: where; a project that is not named is the one around the current folder.
        params: what the operation takes.
        following: what the command's options say.
        consented: the name of a protected environment; it is asked for if it is needed.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.follow import follow  # noqa: PLC0415 - start-up time

    client, named = open_client(ctx), project_of(place.project)
    operation = request_operation(client, kind, place, params, consented=consented, ask=not following.as_json)
    if following.detach:
        tell_operation(operation, as_json=following.as_json)
        return
    if not following.as_json:
        screen.note(f"{kind} {named} {place.environment}: operation {operation['id']}")
    try:
        follow(client, operation, as_json=following.as_json, verbose=following.verbose)
    except typer.Exit as ended:
        can_ask = is_attended() and not following.as_json and not consented
        name = _wants_consent(client, operation, ended) if can_ask else ""
        if not name:
            raise
        given = consent(name, f"{name} is protected. Nothing was done yet.")
        run_operation(ctx, kind, place, params, following, consented=given)


def request_operation(
    client: Client, kind: str, place: Place, params: dict[str, Any], *, consented: str = "", ask: bool = True
) -> dict[str, Any]:
    """Ask for an operation, and for the name of its environment where that is needed; its record.

    Raises:
        ConsentError: the name is needed, and there is nobody to ask.
    """
    request = {
        "kind": kind,
        "project": project_of(place.project),
        "environment": place.environment,
        "params": params,
    }

    def send(confirm: str) -> dict[str, Any]:
        given = {"params": {**params, "confirm": confirm}} if confirm else {}
        operation: dict[str, Any] = client.post("/api/v1/operations", {**request, **given})
        return operation

    return with_consent(send, consented, ask=ask)


def tell_operation(operation: dict[str, Any], *, as_json: bool) -> None:
    """Print an operation's number, or all of it as JSON."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if as_json:
        screen.print_json(operation)
        return
    typer.echo(operation["id"])
    screen.note(f"follow it: havre operations follow {operation['id']}")


def with_consent(send: Callable[[str], R], consented: str, *, ask: bool = True) -> R:
    """Send a request; where it wants a protected environment's name, ask for that and send it again.

    Args:
        send: takes the name, empty if none was given.
        consented: the name that the command's options give.
        ask: whether somebody can be asked.

    Raises:
        ConsentError: another name is wanted than was given, or nobody can be asked.
    """
    try:
        return send(consented)
    except ConsentError as error:
        if consented or not (ask and is_attended()):
            raise ConsentError(
                error.message,
                confirm=error.confirm,
                hint=f"in a script: --yes-interrupt {error.confirm}",
            ) from None
        return send(consent(error.confirm, error.message))


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
    if not is_attended():
        raise UsageError(
            f"{full_name} is protected, so this must be confirmed",
            hint=f"in a script: --yes-interrupt {full_name}",
        )
    given = prompt(f"{why}\nType {full_name} to go on")
    if given != full_name:
        raise UsageError(f"nothing was done: {given!r} is not {full_name!r}", hint="type the name exactly")
    return given


def is_attended() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


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
