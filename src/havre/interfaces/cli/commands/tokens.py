"""``havre tokens``: access to the API over HTTPS, for programs and other machines."""

from __future__ import annotations

from typing import Annotated

import typer

from havre.domain.access import Role
from havre.interfaces.cli.commands.admin import Projects, RoleOption, roles
from havre.interfaces.cli.session import Json, open_client

app = typer.Typer(
    no_args_is_help=True,
    help="Tokens for the API over HTTPS. On the server itself, or as an owner of it.",
)


@app.command()
def create(  # noqa: PLR0917 - Typer calls it by keyword
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it: laptop, ci …", show_default=False)],
    role: RoleOption = Role.VIEWER,
    project: Projects = [],  # noqa: B006 - typer copies it
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How long it is valid.")] = 90,
    as_json: Json = False,
) -> None:
    """Make a token. It is printed once, alone on standard output, and only its hash is kept."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    made = open_client(ctx).post(
        "/api/v1/tokens", {"name": name, "days": days, "role": role.value, "projects": project}
    )
    if as_json:
        screen.print_json(made)
        return
    typer.echo(made["token"])
    where = ", ".join(project) or "on the whole server"
    screen.note(f"the token {name}: {role.value}, {where}, for {days} days; it is not shown again")


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the tokens: names and dates, never the tokens themselves."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get("/api/v1/tokens")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("NAME", "OF", "MAY", "LAST USED", "EXPIRES"),
        (
            (
                str(row["name"]),
                str(row["owner"]),
                roles(row["grants"]),
                f"{screen.age(row.get('last_used_at')) or 'never'} {row['last_used_from']}".strip(),
                str(row.get("expires_at") or "never")[:10],
            )
            for row in rows
        ),
        empty="No token. Make one: havre tokens create NAME",
    )


@app.command()
def revoke(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="The token's name.", show_default=False)]
) -> None:
    """Make a token invalid, at once."""
    from urllib.parse import quote  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    open_client(ctx).delete(f"/api/v1/tokens/{quote(name, safe='')}")
    screen.note(f"the token {name} is revoked")
