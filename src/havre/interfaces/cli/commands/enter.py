"""``havre exec``: a command in the container of a running task, on the server itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from havre.domain.consent import is_wanted
from havre.errors import ConsentError, EngineError, HavreError, ServerError, UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import PRODUCTION, Consent, Place, open_client, project_of, with_consent

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client
    from havre.operations.enter import Place as Found


@grouped
def exec_(
    ctx: typer.Context,
    *,
    service: Annotated[
        str,
        typer.Argument(
            help="The service: an app, a static site, a database.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ],
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND", help="Program and arguments.", show_default=False),
    ],
    task: Annotated[
        int | None,
        typer.Option(
            "--task",
            "-t",
            metavar="N",
            min=1,
            help="The task of that number. Default: the first.",
            show_default=False,
        ),
    ] = None,
    no_stdin: Annotated[
        bool, typer.Option("--no-stdin", "-n", help="Let it read nothing, as in a loop that reads itself.")
    ] = False,
    place: Place,
    consented: Consent,
) -> None:
    """Run a command inside the container of a running task, on this server.

    On a terminal it gets one; else its input, output and error are those of this command. Its exit code
    becomes that of `havre exec`. Who may use the Docker engine may do this, usually root; over HTTPS it
    is refused. It is recorded as an operation, and in the system's log: who, where and which program.

    What it changes is gone with the container: for work on data use `havre run`.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import enter  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    if not client.connection.local:
        raise UsageError(
            "a token may not go into containers",
            hint="use `havre run`, or log in to the server by ssh and run `havre exec` there",
        )
    name, environment = project_of(place.project), place.environment
    try:
        from havre.adapters.swarm.engine import Engine  # noqa: PLC0415 - start-up time

        engine = Engine(config().docker_host)
        serving = serving_service(client, name, environment, service)
        found = enter.find(engine, name, environment, service, serving=serving, slot=task)
        with_consent(
            lambda confirm: record(client, (name, environment), found, command, confirm),
            consented.yes_interrupt,
        )
        enter.note(found, command)
        tty = sys.stdin.isatty() and sys.stdout.isatty() and not no_stdin
        code = enter.enter(engine, found, command, stdin=not no_stdin, tty=tty)
    except EngineError as error:
        if isinstance(error.__cause__, Exception) and "Permission denied" in str(error.__cause__):
            raise EngineError(
                "this account may not use the Docker engine", hint="run it as root: sudo havre exec …"
            ) from error
        raise
    raise typer.Exit(code)


def serving_service(client: Client, project: str, environment: str, service: str) -> str:
    """The Swarm service that serves; empty if Havre cannot say: then the newest release is meant."""
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    try:
        rows = client.get(at(project, environment, "services"))
    except HavreError:
        return ""
    return next(
        (
            str(row["swarm_service"])
            for row in rows
            if row["service"] == service and row["state"] in {"running", "starting"}
        ),
        "",
    )


def record(client: Client, target: tuple[str, str], found: Found, command: list[str], confirm: str) -> None:
    """Put it on record.

    While Havre is down, the system's log has to do, and nobody knows what is protected but the default.

    Raises:
        ConsentError: the environment is protected, and ``confirm`` is not its name.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time
    from havre.operations.enter import who  # noqa: PLC0415 - start-up time

    body = {"task": found.name, "program": command[0][:200], "account": who()[:100], "confirm": confirm}
    try:
        client.post(at(*target, "exec"), body)
    except ServerError as error:
        full_name = "-".join(target)
        if is_wanted("exec", is_protected=target[1] == PRODUCTION) and confirm != full_name:
            raise ConsentError(
                f"{full_name} may be protected, and Havre is not there to say: going into it has to be "
                "confirmed",
                confirm=full_name,
            ) from error
        screen.warn(f"not recorded by Havre, only in the system's log: {error.message}")
