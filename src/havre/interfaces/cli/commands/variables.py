"""``havre env``: plain environment variables, over those of the manifest."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from havre.domain.drift import looks_secret
from havre.errors import UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.session import PRODUCTION, Environment, Json, Project, open_client, project_of

app = typer.Typer(
    no_args_is_help=True,
    help="Environment variables, over those of havre.yaml. For passwords and keys: havre secrets.",
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Service = Annotated[
    str,
    typer.Option(
        "--service",
        "-s",
        metavar="NAME",
        help="Only for this service. Default: every app.",
        show_default=False,
        autocompletion=completion.services,
    ),
]


@app.command("set")
def set_(
    ctx: typer.Context,
    values: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", show_default=False)],
    service: Service = "",
    environment: Environment = PRODUCTION,
    project: Project = "",
) -> None:
    """Set variables. They take effect with the next deployment."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    given: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is not NAME=VALUE" if not equals else f"{name!r} is not a name of a variable",
                hint="write it like: havre env set LOG_LEVEL=debug",
            )
        given[name] = text
    for name, text in given.items():
        if looks_secret(name, text):
            screen.warn(
                f"{name} looks like a secret; `havre secrets set {name}` keeps it encrypted and unseen"
            )
    place = project_of(project)
    open_client(ctx).put(at(place, environment, "variables"), {"service": service, "values": given})
    screen.note(f"set for {place} {environment}: {', '.join(given)}. In effect with the next `havre deploy`")


@app.command()
def unset(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", show_default=False)],
    service: Service = "",
    environment: Environment = PRODUCTION,
    project: Project = "",
) -> None:
    """Remove variables; what havre.yaml says then counts again. In effect with the next deployment."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    open_client(ctx).delete(at(place, environment, "variables"), {"service": service, "names": names})
    screen.note(
        f"removed from {place} {environment}: {', '.join(names)}. In effect with the next `havre deploy`"
    )


@app.command("list")
def list_(
    ctx: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="Do not hide values that look like secrets.")] = False,
    environment: Environment = PRODUCTION,
    project: Project = "",
    as_json: Json = False,
) -> None:
    """List the variables that were set by `havre env set`. Values that look like secrets are hidden."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    rows: list[dict[str, Any]] = open_client(ctx).get(at(place, environment, "variables"))
    if not show:
        rows = [
            {**row, "value": "********"} if looks_secret(str(row["name"]), str(row["value"])) else row
            for row in rows
        ]
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("SERVICE", "NAME", "VALUE"),
        ((str(row.get("service") or "every app"), str(row["name"]), Text(str(row["value"]))) for row in rows),
        empty=f"No variable is set for {place} {environment}.",
    )
