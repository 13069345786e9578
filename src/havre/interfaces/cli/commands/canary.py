"""Commands for a canary that is under way: promote, abort."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import Consent, Json, Place, open_client, project_of, with_consent


@grouped
def promote(
    ctx: typer.Context,
    *,
    fully: Annotated[
        bool, typer.Option("--all", help="Give it all requests now, not just the next weight.")
    ] = False,
    place: Place,
    consented: Consent,
    as_json: Json = False,
) -> None:
    """Let a canary go on now: to its next weight, or to all requests.

    The deployment that runs it does so within a second. Without this command it goes on by itself after
    each pause, or with `promote: manual` not at all. Its present share is in `havre ps`.
    """
    said = "gets all requests" if fully else "goes to its next weight"
    _ask(ctx, "promote", place, consented, said=said, body={"fully": fully}, as_json=as_json)


@grouped
def abort(
    ctx: typer.Context,
    *,
    place: Place,
    consented: Consent,
    as_json: Json = False,
) -> None:
    """Give a canary up: all requests go to the old release again, and the new one is removed.

    No request fails by it. The deployment ends as cancelled.
    """
    _ask(ctx, "abort", place, consented, said="is given up", body={}, as_json=as_json)


def _ask(
    ctx: typer.Context,
    what: str,
    place: Place,
    consented: Consent,
    *,
    said: str,
    body: dict[str, Any],
    as_json: bool,
) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    client, name = open_client(ctx), project_of(place.project)
    path = at(name, place.environment, "canary", what)
    operation = with_consent(
        lambda confirm: client.post(path, {**body, "confirm": confirm} if confirm else body),
        consented.yes_interrupt,
        ask=not as_json,
    )
    if as_json:
        screen.print_json(operation)
        return
    screen.note(
        f"the canary of {name} {place.environment} {said}; see it: havre operations follow {operation['id']}"
    )
