"""``havre login`` and ``havre logout``: a Havre elsewhere, remembered with its token."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Where, is_attended, prompt


def login(
    ctx: typer.Context,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Its address: https://havre.example.org", show_default=False)
    ],
) -> None:
    """Remember a Havre elsewhere and a token for it, so that commands go there.

    The token is asked for, or read from standard input; it is tried before it is kept, in a file that only
    you can read. Make one in the panel under Tokens, or on the server by `havre tokens create`.
    """
    from havre.interfaces.cli import remembered, screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import Client  # noqa: PLC0415
    from havre.interfaces.cli.connection import connection_to  # noqa: PLC0415

    token = (prompt("Token", hidden=True) if is_attended() else sys.stdin.read()).strip()
    if not token:
        raise UsageError("no token was given", hint="give it to standard input: havre login URL < FILE")
    where = ctx.find_object(Where) or Where()
    connection = connection_to(url, token, where.ca)
    version = Client(connection).get("/api/v1/version")["version"]
    path = remembered.store(os.environ, connection)
    screen.note(f"{connection.url} answers (Havre {version}); kept in {path}. To forget it: havre logout")


def logout() -> None:
    """Forget the Havre elsewhere and its token; the token itself stays valid until it is revoked."""
    from havre.interfaces.cli import remembered, screen  # noqa: PLC0415 - start-up time

    gone = remembered.forget(os.environ)
    screen.note(
        "forgotten; revoke the token too, in the panel or by `havre tokens revoke`"
        if gone
        else "nothing is remembered"
    )
