"""``havre operations``: the record of every long action, running and past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.interfaces.cli import completion
from havre.interfaces.cli.session import Events, Json, Project, Verbose, open_client

if TYPE_CHECKING:
    from rich.text import Text

app = typer.Typer(
    no_args_is_help=True,
    help="The record of every deployment, rollback and other long action.",
)

Number = Annotated[int, typer.Argument(metavar="ID", help="The operation's number.", show_default=False)]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    project: Project = "",
    environment: Annotated[
        str,
        typer.Option(
            "--env",
            "-e",
            help="Only this environment.",
            show_default=False,
            autocompletion=completion.environments,
        ),
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            "--state",
            help="Only these: queued, running, succeeded, failed, cancelled.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List operations, the newest first, of every project unless one is named."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import outcome, screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get(
        "/api/v1/operations", project=project, environment=environment, state=state, limit=limit
    )
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("ID", "WHAT", "WHERE", "STATE", "WHEN", "TOOK", "BY"),
        (
            (
                str(row["id"]),
                str(row["kind"]),
                Text(outcome.where(row)),
                _state(row),
                screen.age(row.get("created_at")),
                screen.duration(_took(row)),
                Text(str(row.get("actor") or "")),
            )
            for row in rows
        ),
        empty="No operation yet.",
        right=("ID", "TOOK"),
    )


def _state(row: dict[str, Any]) -> Text:
    """The state; of an operation that waits for something, for what."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    shown = screen.state(str(row["state"]))
    told = next((str(s["message"]) for s in row.get("steps") or () if s["state"] == "running"), "")
    if row["state"] == "running" and told:
        shown.append_text(Text(f": {told}", style="dim"))
    return shown


def _took(row: dict[str, Any]) -> float | None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    begin, end = screen.moment(row.get("started_at")), screen.moment(row.get("finished_at"))
    return max(0.0, (end - begin).total_seconds()) if begin and end else None  # the clock may have been set


@app.command()
def show(ctx: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one operation: its steps, how long each took, and how it ended."""
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up time

    from rich.table import Table  # noqa: PLC0415 - start-up time
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import outcome, screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import Received  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.progress import Progress  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    row = client.get(f"/api/v1/operations/{number}")
    if as_json:
        screen.print_json(row)
        return
    console = screen.say()
    console.print(
        Text.assemble(
            (f"{row['kind']} {outcome.where(row)}", "bold"),
            f"  operation {row['id']}, ",
            screen.state(str(row["state"])),
            f", by {row.get('actor') or 'unknown'} {screen.age(row.get('created_at'))}",
        )
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    for step in row.get("steps") or ():
        table.add_row(
            screen.mark(console, str(step["state"])),
            Text(str(step.get("title") or step["name"])),
            screen.duration(_took(step)),
            Text(str(step.get("message") or "")),
        )
    console.print(table)
    if row["state"] in {"succeeded", "failed", "cancelled"}:
        progress = Progress.of(row)
        data = {key: row.get(key) for key in ("state", "error", "result")}
        progress.apply(Received(0, "outcome", data), datetime.now(UTC))
        for step in row.get("steps") or ():
            progress.steps[step["name"]].seconds = _took(step)
        console.print(outcome.panel(client, row, progress, console))
    else:
        screen.note(f"follow it: havre operations follow {number}")


@app.command()
def follow(ctx: typer.Context, number: Number, as_json: Events = False, verbose: Verbose = False) -> None:
    """Follow an operation from its beginning until it is over, as the command that began it does.

    Ctrl-C ends the following, never the operation.
    """
    from havre.interfaces.cli.follow import follow as watch  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    watch(client, client.get(f"/api/v1/operations/{number}"), as_json=as_json, verbose=verbose)


@app.command()
def cancel(ctx: typer.Context, number: Number, as_json: Json = False) -> None:
    """Ask an operation to stop. What it had begun is undone; what served before serves still."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    answer = open_client(ctx).post(f"/api/v1/operations/{number}/cancel")
    if as_json:
        screen.print_json(answer if answer is not None else {"id": number, "cancel_requested": True})
    else:
        screen.note(f"asked operation {number} to stop; see it end: havre operations follow {number}")
