"""``havre secrets``: values that are sealed at once and never shown again."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import (
    PRODUCTION,
    Environment,
    Json,
    Project,
    open_client,
    project_of,
    prompt,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Passwords and keys: sealed at once, never shown again, not even to you.",
)


@app.command("set")
def set_(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    from_env_file: Annotated[
        str,
        typer.Option(
            "--from-env-file",
            metavar="FILE|-",
            help="Set one secret for each NAME=VALUE line of a file, or of standard input.",
            show_default=False,
        ),
    ] = "",
    environment: Environment = PRODUCTION,
    project: Project = "",
) -> None:
    """Set a secret. Its value is asked for, or read from standard input; never from an argument.

    One line break at the end of standard input is left out. The secret takes effect with the next
    deployment; earlier releases keep the version they had.
    """
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    values = _from_file(from_env_file, names or []) if from_env_file else _one(names or [])
    client = open_client(ctx)
    for name, value in values.items():
        made = client.put(f"{at(place, environment, 'secrets')}/{quote(name, safe='')}", {"value": value})
        screen.note(f"{name}: version {made['version']} for {place} {environment}")
    screen.note("in effect with the next `havre deploy`")


def _one(names: list[str]) -> dict[str, str]:
    """The single named secret, its value from standard input."""
    name = names[0] if names else ""
    if "=" in name or len(names) > 1:
        # The value itself is not repeated: an error may end in a log.
        name = name.partition("=")[0]
        raise UsageError(
            f"the value of {name} was given as an argument, seen by every process and kept by the shell",
            hint=f"choose another value and give it to standard input: havre secrets set {name} < FILE",
        )
    if not name:
        raise UsageError("which secret?", hint="havre secrets set NAME, or --from-env-file FILE")
    if sys.stdin.isatty():
        value = prompt(f"Value of {name}", hidden=True, twice=True)
    else:
        value = sys.stdin.read()
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(f"the value of {name} is empty", hint=f"to remove it: havre secrets unset {name}")
    return {name: value}


def _from_file(file: str, names: list[str]) -> dict[str, str]:
    """The secrets of NAME=VALUE lines, quotes and comments as in `.env` files, nothing substituted."""
    from dotenv import dotenv_values  # noqa: PLC0415 - start-up time

    if names:
        raise UsageError("give either a name or --from-env-file, not both")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error.__class__.__name__}") from error
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    empty = sorted(name for name, value in found.items() if not value)
    if empty:
        raise UsageError(f"these have no value: {', '.join(empty)}", hint="write each as NAME=VALUE")
    if not found:
        raise UsageError("no NAME=VALUE line was given")
    return {name: str(value) for name, value in found.items()}


@app.command()
def unset(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    environment: Environment = PRODUCTION,
    project: Project = "",
) -> None:
    """Take a secret away from later deployments. Releases that have it keep it, for rollbacks."""
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    open_client(ctx).delete(f"{at(place, environment, 'secrets')}/{quote(name, safe='')}")
    screen.note(f"{name} is no longer given to new releases of {place} {environment}")


@app.command("list")
def list_(
    ctx: typer.Context, environment: Environment = PRODUCTION, project: Project = "", as_json: Json = False
) -> None:
    """List the secrets: name, version, age and who set them. Values are never shown."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    place = project_of(project)
    rows = open_client(ctx).get(at(place, environment, "secrets"))
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("NAME", "VERSION", "SET", "BY"),
        (
            (
                str(row["name"]) + (" (unset)" if row.get("unset_at") else ""),
                str(row["version"]),
                screen.age(row.get("created_at")),
                "generated by Havre" if row.get("generated") else str(row.get("actor") or ""),
            )
            for row in rows
        ),
        empty=f"No secret is set for {place} {environment}.",
        right=("VERSION",),
    )
