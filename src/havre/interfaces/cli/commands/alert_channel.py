"""``havre alert channel``: the ways in which people are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Json, open_client, prompt

app = typer.Typer(
    no_args_is_help=True, help="Channels of alerts: e-mail, webhooks, a hundred services, and a heartbeat."
)
_PATH = "/api/v1/alert-channels"
Name = Annotated[str, typer.Argument(help="The channel.", show_default=False)]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the channels, and whether the last message got there. Secrets are never shown."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get(_PATH)
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("CHANNEL", "KIND", "HEARS", "LANGUAGE", "LAST TAKEN", "TROUBLE"),
        (
            (
                str(row["name"]),
                str(row["kind"]),
                f"{row['place']}, {row['least']}",
                str(row["language"]),
                screen.age(row["taken_at"]) or "never",
                Text(row["error"], style="red"),
            )
            for row in rows
        ),
        empty="Nobody is told. Set a channel: havre alert channel set NAME --kind email ...",
    )


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Name,
    *,
    kind: Annotated[
        str,
        typer.Option(
            "--kind", metavar="email|apprise|webhook|heartbeat", help="What it is.", show_default=False
        ),
    ],
    host: Annotated[str, typer.Option("--host", help="The mail server.", show_default=False)] = "",
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Its port.")] = 587,
    security: Annotated[
        str, typer.Option("--security", metavar="starttls|tls|none", help="How the connection is encrypted.")
    ] = "starttls",
    user: Annotated[str, typer.Option("--user", help="Account on it.", show_default=False)] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="From whom mail comes.", show_default=False)
    ] = "",
    recipients: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="To whom; may be repeated.", show_default=False),
    ] = None,
    secret: Annotated[
        str,
        typer.Option(
            "--secret",
            metavar="FILE|-",
            help="File with the password, or the address; - is standard input. Default: asks.",
            show_default=False,
        ),
    ] = "",
    language: Annotated[str, typer.Option("--language", metavar="en|fr", help="Of the messages.")] = "en",
    place: Annotated[
        str, typer.Option("--place", metavar="PATTERN", help="What it hears of: PROJECT/*, server.")
    ] = "*",
    least: Annotated[
        str, typer.Option("--least", metavar="warning|critical", help="The least that it hears.")
    ] = "warning",
    as_json: Json = False,
) -> None:
    """Make a channel, or replace it.

    The secret is sealed at once and never shown again: of email the password, of the others the address. A
    heartbeat is an address that is asked for each minute while all is watched; who is at the other end tells
    you when it stops.
    """
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    body: dict[str, Any] = {"kind": kind, "language": language, "place": place, "least": least}
    if kind == "email":
        mail = {"host": host, "sender": sender, "recipients": recipients or []}
        missing = [
            option
            for option, value in zip(("--host", "--from", "--to"), mail.values(), strict=True)
            if not value
        ]
        if missing:
            raise UsageError(f"e-mail needs {', '.join(missing)}")
        body["options"] = {**mail, "port": port, "security": security, "user": user}
    if kind != "email" or user or secret:
        body["secret"] = _secret(secret, "Password" if kind == "email" else "Address")
    made = open_client(ctx).put(f"{_PATH}/{quote(name, safe='')}", body)
    if as_json:
        screen.print_json(made)
        return
    screen.note(f"channel {name} is set; try it: havre alert test {name}")


@app.command()
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a channel, with the messages that wait for it."""
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    open_client(ctx).delete(f"{_PATH}/{quote(name, safe='')}")
    screen.note(f"channel {name} is removed")


def _secret(source: str, what: str) -> str:
    """Never from an argument, which others on the machine can read."""
    if not source and sys.stdin.isatty():
        return prompt(what, hidden=True)
    if not source:
        raise UsageError("where is the secret?", hint="--secret FILE, or --secret - for standard input")
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read: {type(error).__name__}") from error
    return text.strip()
