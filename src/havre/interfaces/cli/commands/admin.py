"""``havre admin``: who has an account of the panel, and with which role."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from havre.domain.access import Role
from havre.errors import UsageError
from havre.interfaces.cli.session import Json, confirm, default_socket, is_attended, open_client

app = typer.Typer(
    no_args_is_help=True,
    help="Accounts of the panel and their roles. On the server itself, or as an owner of it.",
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The account's name: small letters.", show_default=False)
]
RoleOption = Annotated[
    Role, typer.Option("--role", help="viewer looks, developer deploys, maintainer restores, owner all.")
]
Projects = Annotated[
    list[str],
    typer.Option(
        "--project",
        "-p",
        metavar="NAME",
        help="In this project only; again for more. Default: the whole server.",
        show_default=False,
    ),
]


@app.command()
def create(  # noqa: PLR0917 - Typer calls it by keyword
    ctx: typer.Context,
    name: Name,
    role: RoleOption = Role.OWNER,
    project: Projects = [],  # noqa: B006 - typer copies it
    email: Annotated[str, typer.Option("--email", help="Where alerts go.", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Make an account and print the link by which its owner sets a password.

    The link is good once, for 24 hours, and leads on to the second factor. There is no default password.
    """
    body = {"name": name, "role": role.value, "projects": project, "email": email}
    _tell_link(open_client(ctx).post("/api/v1/users", body), as_json=as_json)


@app.command()
def link(
    ctx: typer.Context,
    name: Name,
    forget_factors: Annotated[
        bool,
        typer.Option(
            "--reset", help="Also remove the second factors, when the link is used: for who lost theirs."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Print a new link to set a password; links of before end, and with its use all sessions."""
    path = f"/api/v1/users/{quote(name, safe='')}/link"
    _tell_link(open_client(ctx).post(path, {"forget_factors": forget_factors}), as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the accounts: roles, second factor, last sign-in."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get("/api/v1/users")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("NAME", "ROLES", "TWO FACTORS", "LAST SIGN-IN"),
        (
            (
                str(row["name"]) + ("" if row["active"] else " (locked)"),
                roles(row["grants"]),
                "yes" if row["has_second_factor"] else "no",
                screen.age(row.get("last_sign_in")) or "never",
            )
            for row in rows
        ),
        empty="No account. Make one: havre admin create NAME",
    )


@app.command()
def grant(
    ctx: typer.Context,
    name: Name,
    role: RoleOption,
    project: Projects = [],  # noqa: B006 - typer copies it
) -> None:
    """Give an account this role, in place of all it has."""
    _change(ctx, name, {"role": role.value, "projects": project}, "has its new role")


@app.command()
def lock(ctx: typer.Context, name: Name) -> None:
    """Shut an account out: its sessions and tokens end at once."""
    _change(ctx, name, {"active": False}, "is shut out")


@app.command()
def unlock(ctx: typer.Context, name: Name) -> None:
    """Let an account in again."""
    _change(ctx, name, {"active": True}, "may come in again")


@app.command()
def remove(
    ctx: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove an account with its roles, tokens and second factors; what it did stays in the audit log."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if not yes:
        if not is_attended():
            raise UsageError("this must be confirmed", hint="in a script: --yes")
        if not confirm(f"Remove the account {name}, with its tokens?"):
            raise typer.Exit(0)
    open_client(ctx).delete(f"/api/v1/users/{quote(name, safe='')}")
    screen.note(f"{name} is removed")


def roles(grants: list[dict[str, str]]) -> str:
    """Roles as people read them: ``owner``, ``developer shop``."""
    return ", ".join(f"{each['role']} {each['project']}".strip() for each in grants) or "none"


def _change(ctx: typer.Context, name: str, body: dict[str, Any], told: str) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    open_client(ctx).put(f"/api/v1/users/{quote(name, safe='')}", body)
    screen.note(f"{name} {told}")


def _tell_link(made: dict[str, Any], *, as_json: bool) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if as_json:
        screen.print_json(made)
        return
    url = str(made["url"])
    if url.startswith("/"):
        typer.echo(f"http://localhost:8700{url}")
        panel = default_socket().with_name("panel.sock")
        screen.note(f"this server has no domain of its own; first: ssh -L 8700:{panel} root@THIS-SERVER")
    else:
        typer.echo(url)
    screen.note(f"for {made['name']}, once, {screen.until(made['expires_at'])} at the latest")
