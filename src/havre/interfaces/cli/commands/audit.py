"""``havre audit``: who did what, when and from where."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from havre.domain.audit_export import Form
from havre.interfaces.cli.session import Json, open_client

app = typer.Typer(
    no_args_is_help=True,
    help="Who did what, when and from where. Nobody can change or remove what stands there.",
)

OfProject = Annotated[
    str,
    typer.Option("--project", "-p", metavar="NAME", help="Of this project only.", show_default=False),
]
Since = Annotated[
    str,
    typer.Option(
        "--since", metavar="TIME", help="From then on: 2026-01-31, or 2026-01-31T12:00Z.", show_default=False
    ),
]


@app.command("list")
def list_(  # noqa: PLR0917 - Typer calls it by keyword
    ctx: typer.Context,
    project: OfProject = "",
    actor: Annotated[
        str, typer.Option("--actor", metavar="NAME", help="What they did.", show_default=False)
    ] = "",
    since: Since = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the newest entries: changes, looks at secrets, sign-ins, and what was refused of these."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get(
        "/api/v1/audit", project=project, actor=actor, since=moment(since), limit=limit
    )
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("WHEN", "WHO", "FROM", "WHAT", "WHERE"),
        (
            (
                screen.age(row["at"]),
                str(row["actor"]),
                str(row["address"] or row["via"]),
                str(row["action"]) + ("" if row["outcome"] == "done" else f" ({row['outcome']})"),
                "/".join(filter(None, (row["project"], row["environment"]))),
            )
            for row in rows
        ),
        empty="Nothing was done yet.",
    )


@app.command()
def export(
    ctx: typer.Context,
    form: Annotated[Form, typer.Option("--format", help="JSON lines, or CSV.")] = Form.JSON,
    project: OfProject = "",
    since: Since = "",
) -> None:
    """Write the whole log to standard output, the oldest entry first."""
    client = open_client(ctx)
    for piece in client.download(
        "/api/v1/audit/export", form=form.value, project=project, since=moment(since)
    ):
        sys.stdout.write(piece)


def moment(text: str) -> str:
    """A time with its zone, as the API takes it; empty for an empty one.

    Raises:
        UsageError: it is not a time.
    """
    from datetime import datetime  # noqa: PLC0415 - start-up time

    from havre.errors import UsageError  # noqa: PLC0415

    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time", hint="write it like 2026-01-31T12:00Z") from error
