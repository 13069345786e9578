"""Before something that cannot be taken back: what it would do, and a name to type."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from havre.errors import UsageError
from havre.interfaces.cli.session import Place, is_attended, open_client, prompt, request_operation

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

    from havre.interfaces.cli.client import Client

_POLL = 0.2  # seconds


def ask_for_name(full_name: str, what: str, given: str, *, option: str) -> None:
    """Have the full name of an environment typed, unless an option gave it.

    Raises:
        UsageError: nobody is there to ask, or another name was given.
    """
    if not given:
        if not is_attended():
            raise UsageError("this must be confirmed", hint=f"in a script: {option} {full_name}")
        given = prompt(f"{what}\nType {full_name} to go on")
    if given != full_name:
        raise UsageError(f"nothing was done: {given!r} is not {full_name!r}", hint="type the name exactly")


def ended(client: Client, row: dict[str, Any]) -> dict[str, Any]:
    """An operation as it is when it has come to its end."""
    return waited(client, row, until=lambda _: False)


def waited(client: Client, row: dict[str, Any], *, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """An operation as it is when it is as far as is waited for, or at its end."""
    while row["state"] in {"queued", "running"} and not until(row):
        time.sleep(_POLL)
        row = client.get(f"/api/v1/operations/{row['id']}")
    return row


def dry_run(ctx: typer.Context, kind: str, place: Place, params: dict[str, Any]) -> dict[str, Any]:
    """The result of an operation that only says what it would do.

    Raises:
        UsageError: it cannot be done, and why.
    """
    client = open_client(ctx)
    row = ended(client, request_operation(client, kind, place, {**params, "dry_run": True}))
    if row["state"] != "succeeded":
        error = row.get("error") or {}
        raise UsageError(
            str(error.get("message") or "the plan was not made"), hint=str(error.get("hint") or "")
        )
    result: dict[str, Any] = row["result"]
    return result
