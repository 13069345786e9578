"""``havre env``: plain environment variables, over those of the manifest."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any

import typer

from havre.domain.drift import looks_secret
from havre.errors import UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.session import (
    PRODUCTION,
    Environment,
    Json,
    Project,
    YesInterrupt,
    confirm,
    consent,
    open_client,
    project_of,
)

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


@app.command()
def copy(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="The environment to copy from.", autocompletion=completion.environments
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="The environment to copy into.", autocompletion=completion.environments
        ),
    ],
    *,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Secrets too. Passwords of databases are never copied.")
    ] = False,
    project: Project = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would become of each.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before overwriting.")] = False,
    yes_interrupt: YesInterrupt = "",
    as_json: Json = False,
) -> None:
    """Copy the variables of an environment into another. In effect there with the next deployment.

    What is in the other environment alone stays. Data are not copied: a staging has its own.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    client = open_client(ctx)
    known = {r["environment"]: r for r in client.get("/api/v1/environments") if r["project"] == place}
    path, body = at(place, target, "copy"), {"source": source, "secrets": secrets}
    rows: list[dict[str, Any]] = client.post(path, {**body, "dry_run": True})
    if as_json:
        screen.print_json(rows)
    else:
        _show_copy(rows, f"{place} {source}")
    changing = [row for row in rows if row["outcome"] != "same"]
    if dry_run or not changing:
        return
    given = yes_interrupt
    is_protected = known[target]["protected"] if target in known else target == PRODUCTION
    if is_protected:
        given = given or consent(
            f"{place}-{target}", f"This changes {len(changing)} settings of {target}, which is protected."
        )
    elif any(row["outcome"] == "overwrite" for row in rows) and not yes:
        if not sys.stdin.isatty():
            raise UsageError("overwriting has to be confirmed", hint="in a script: --yes")
        if not confirm(f"Overwrite them in {place} {target}?"):
            raise typer.Exit(0)
    client.post(path, {**body, "overwrite": True, "confirm": given})
    if not as_json:
        screen.note(f"{len(changing)} copied to {place} {target}. In effect with its next `havre deploy`")


def _show_copy(rows: list[dict[str, Any]], place: str) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    signs = {"create": "+ create", "overwrite": "~ overwrite", "same": "  as it is"}
    screen.listing(
        ("", "KIND", "SERVICE", "NAME"),
        (
            (
                signs[row["outcome"]],
                str(row["kind"]),
                "" if row["kind"] == "secret" else str(row["service"] or "every app"),
                str(row["name"]),
            )
            for row in rows
        ),
        empty=f"There is nothing to copy in {place}.",
    )
