"""Values for shell completion, asked of the API within a second; nothing when that fails."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client


def projects(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of projects."""
    return _ask(ctx, incomplete, lambda client: [row["name"] for row in client.get("/api/v1/projects")])


def environments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the project's environments."""

    def ask(client: Client) -> list[str]:
        project = _project(ctx)
        rows = client.get("/api/v1/environments")
        return [row["environment"] for row in rows if not project or row["project"] == project]

    return _ask(ctx, incomplete, ask)


def services(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the environment's services."""
    return _ask(ctx, incomplete, lambda client: _services(ctx, client))


def jobs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the environment's scheduled commands."""
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    return _ask(
        ctx,
        incomplete,
        lambda client: [row["name"] for row in client.get(at(_project(ctx), _environment(ctx), "cron"))],
    )


def scales(ctx: typer.Context, incomplete: str) -> list[str]:
    """``SERVICE=`` for each service."""
    return _ask(ctx, incomplete, lambda client: [f"{name}=" for name in _services(ctx, client)])


def releases(ctx: typer.Context, incomplete: str) -> list[str]:
    """Numbers of the releases that one can roll back to."""
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    return _ask(
        ctx,
        incomplete,
        lambda client: [
            str(row["number"])
            for row in client.get(at(_project(ctx), _environment(ctx), "releases"))
            if row.get("state") == "superseded"
        ],
    )


def levels(incomplete: str) -> list[str]:
    """Names of levels of log lines."""
    from havre.domain.logs.levels import NAMES  # noqa: PLC0415 - start-up time

    return [name for name in NAMES if name.startswith(incomplete)]


def _services(ctx: typer.Context, client: Client) -> list[str]:
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    rows = client.get(at(_project(ctx), _environment(ctx), "services"))
    return sorted({row["service"] for row in rows})


def _environment(ctx: typer.Context) -> str:
    return str(ctx.params.get("environment") or "production")


def _project(ctx: typer.Context) -> str:
    from havre.interfaces.cli.session import project_of  # noqa: PLC0415 - it imports this module

    return project_of(str(ctx.params.get("project") or ""))


def _ask(ctx: typer.Context, incomplete: str, ask: Callable[[Client], list[str]]) -> list[str]:
    from havre.interfaces.cli.session import open_client  # noqa: PLC0415 - it imports this module

    # A completion that cannot be had must not disturb the line being typed, whatever the cause.
    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        return [
            value
            for value in dict.fromkeys(ask(open_client(ctx, quick=True)))
            if value.startswith(incomplete)
        ]
    return []
