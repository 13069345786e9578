"""``havre alert``: what is wrong now, who is told, and when they are left in peace."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final

import typer

from havre.errors import HavreError, UsageError
from havre.interfaces.cli.session import Json, open_client

app = typer.Typer(no_args_is_help=True, help="Alerts: what is wrong now, and who is told.")
_PATIENCE: Final = 90.0  # seconds, for a channel that is slow
_PAUSE: Final = 0.5


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    language: Annotated[str, typer.Option("--language", metavar="en|fr", help="Of the messages.")] = "en",
    as_json: Json = False,
) -> None:
    """List the alerts, the newest first: those that last, or all that are on record."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    state = "all" if all_ else "open"
    rows = open_client(ctx).get("/api/v1/alerts", state=state, language=language)
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("ALERT", "STATE", "PLACE", "SINCE", "WHAT"),
        (
            (
                str(row["id"]),
                _state(row),
                str(row["place"]),
                screen.age(row["began_at"]),
                Text(row["message"]),
            )
            for row in rows
        ),
        empty="No alert." if all_ else "All is well: no alert. Those that are over: havre alert list --all",
    )


def _state(row: dict[str, Any]) -> str:
    if row["over_at"]:
        return "over"
    if row["acknowledged_at"]:
        return f"taken by {row['acknowledged_by']}"
    return f"{row['severity']}, flapping" if row["flapping"] else str(row["severity"])


@app.command()
def ack(
    ctx: typer.Context,
    number: Annotated[
        int, typer.Argument(help="The alert, as `havre alert list` shows it.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Take an alert on: it is not told again while it lasts. Its end is told."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    row = open_client(ctx).post(f"/api/v1/alerts/{number}/acknowledge")
    if as_json:
        screen.print_json(row)
        return
    screen.note(f"alert {number} is taken by {row['acknowledged_by']}: {row['message']}")


@app.command()
def silence(
    ctx: typer.Context,
    *,
    duration: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 1d.", show_default=False)
    ],
    check: Annotated[
        str, typer.Option("--check", metavar="PATTERN", help="Kinds of checks: disk, http, disk*.")
    ] = "*",
    place: Annotated[
        str, typer.Option("--place", metavar="PATTERN", help="PROJECT/ENVIRONMENT, PROJECT/*, or server.")
    ] = "*",
    begin: Annotated[
        str,
        typer.Option(
            "--from", metavar="TIME", help="When it begins, such as 2026-12-01T02:00Z. Default: now.",
            show_default=False,
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; shown in lists.", show_default=False)] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Tell nothing of what matches for some time: while you work on it, or in planned maintenance.

    What still lasts when the time is over is told then; what began and ended in it never is.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.manifest.values import parse_duration  # noqa: PLC0415 - start-up time

    try:
        seconds = int(parse_duration(duration))
    except ValueError as error:
        raise UsageError(f"--for {duration!r} is no time: {error}", hint="30m, 2h, 1d") from error
    body = {"check": check, "place": place, "seconds": seconds, "reason": reason}
    made = open_client(ctx).post("/api/v1/alert-silences", body | ({"begins_at": begin} if begin else {}))
    if as_json:
        screen.print_json(made)
        return
    screen.note(
        f"silence {made['id']}: {made['check']} at {made['place']}, until {screen.clock(made['ends_at'])}"
    )


@app.command()
def silences(
    ctx: typer.Context,
    *,
    end: Annotated[
        int | None, typer.Option("--end", metavar="SILENCE", help="End this one.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the silences that count now or will, or end one."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    if end is not None:
        client.delete(f"/api/v1/alert-silences/{end}")
        screen.note(f"silence {end} is over")
        return
    rows = client.get("/api/v1/alert-silences")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("SILENCE", "CHECK", "PLACE", "FROM", "UNTIL", "BY", "WHY"),
        (
            (
                str(row["id"]), str(row["check"]), str(row["place"]), screen.clock(row["begins_at"]),
                screen.clock(row["ends_at"]), str(row["actor"]), str(row["reason"]),
            )
            for row in rows
        ),
        empty="No silence.",
    )  # fmt: skip


@app.command("test")
def try_channel(
    ctx: typer.Context,
    channel: Annotated[str, typer.Argument(help="The channel.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Send a test message by a channel, and say whether it was taken."""
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    row = client.post(f"/api/v1/alert-channels/{quote(channel, safe='')}/test")
    end = time.monotonic() + _PATIENCE
    while not row["attempts"] and time.monotonic() < end:
        time.sleep(_PAUSE)
        row = client.get(f"/api/v1/alert-deliveries/{row['id']}")
    if as_json:
        screen.print_json(row)
    if not row["attempts"]:
        raise HavreError("nobody sent it yet", hint="does the worker run? havre doctor", retryable=True)
    if not row["taken_at"]:
        raise HavreError(f"{channel} did not take it: {row['error']}", hint="havre alert channel set")
    if not as_json:
        screen.note(f"{channel} took the message")
