"""Commands for a canary that is under way: promote, abort."""

from __future__ import annotations

from typing import Annotated

import typer

from havre.interfaces.cli.session import PRODUCTION, Environment, Json, Project, open_client, project_of


def promote(
    ctx: typer.Context,
    *,
    fully: Annotated[
        bool, typer.Option("--all", help="Give it all requests now, not just the next weight.")
    ] = False,
    environment: Environment = PRODUCTION,
    project: Project = "",
    as_json: Json = False,
) -> None:
    """Let a canary go on now: to its next weight, or to all requests.

    The deployment that runs it does so within a second. Without this command it goes on by itself after
    each pause, or with `promote: manual` not at all. Its present share is in `havre ps`.
    """
    said = "gets all requests" if fully else "goes to its next weight"
    _ask(
        ctx,
        "promote",
        project=project,
        environment=environment,
        said=said,
        body={"fully": fully},
        as_json=as_json,
    )


def abort(
    ctx: typer.Context,
    *,
    environment: Environment = PRODUCTION,
    project: Project = "",
    as_json: Json = False,
) -> None:
    """Give a canary up: all requests go to the old release again, and the new one is removed.

    No request fails by it. The deployment ends as cancelled.
    """
    _ask(ctx, "abort", project=project, environment=environment, said="is given up", as_json=as_json)


def _ask(
    ctx: typer.Context,
    what: str,
    *,
    project: str,
    environment: str,
    said: str,
    body: dict[str, bool] | None = None,
    as_json: bool,
) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(project)
    operation = open_client(ctx).post(at(name, environment, "canary", what), body)
    if as_json:
        screen.print_json(operation)
        return
    screen.note(
        f"the canary of {name} {environment} {said}; see it: havre operations follow {operation['id']}"
    )
