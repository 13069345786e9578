"""Commands of the server: its processes, its checkup, its version."""

from __future__ import annotations

from typing import Annotated

import typer

from havre.interfaces.cli.session import Json, open_client
from havre.interfaces.cli.trouble import FAILED


def serve() -> None:
    """Run Havre on this server: web and worker together, in the foreground.

    Settings are environment variables (HAVRE_STATE, HAVRE_DOCKER_HOST, HAVRE_HTTP_PORT …) or keys of
    /etc/havre/havre.toml.
    """
    from havre.interfaces.server import commands  # noqa: PLC0415 - Django only in the server's processes

    commands.serve()


def web() -> None:
    """Run only the web process: the API. It needs neither the Docker socket nor the private key."""
    from havre.interfaces.server import commands  # noqa: PLC0415 - Django only in the server's processes

    commands.web()


def worker() -> None:
    """Run only the worker: it builds, deploys and keeps routes true."""
    from havre.interfaces.server import commands  # noqa: PLC0415 - Django only in the server's processes

    commands.worker()


def version(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the version of this command and, if it can be reached, of the server."""
    from havre.errors import HavreError  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    server: str | None = None
    try:
        server = str(open_client(ctx, quick=True).get("/api/v1/version")["version"])
    except (HavreError, KeyError, TypeError):
        server = None
    if as_json:
        screen.print_json({"version": own_version(), "server": server})
        return
    typer.echo(f"havre {own_version()}")
    if server is None:
        screen.note("no server was reached")
    elif server != own_version():
        typer.echo(f"server {server}")


def own_version() -> str:
    """The version of this package."""
    from havre.interfaces.api.version import version as installed  # noqa: PLC0415 - start-up time

    return installed()


def doctor(
    ctx: typer.Context,
    clean: Annotated[
        bool, typer.Option("--clean", help="Show the orphans, ask, and take them away. Never volumes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --clean: do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Check this server: engine, ports, disk, memory, clock, certificates, Havre itself; say the remedies.

    It also finds orphans: services, networks, secrets, routes and folders that Havre made and that no release
    and no operation needs any more. Works whether or not Havre is running. Ends with 1 when a check failed.
    """
    if clean:
        from havre.interfaces.cli.commands.cleaning import clean_up  # noqa: PLC0415 - start-up time

        clean_up(yes=yes, as_json=as_json)
        return
    from contextlib import nullcontext  # noqa: PLC0415 - start-up time
    from dataclasses import asdict  # noqa: PLC0415 - start-up time

    from rich.table import Table  # noqa: PLC0415 - start-up time
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.domain.doctor import Level, Verdict  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.session import default_socket  # noqa: PLC0415 - start-up time
    from havre.operations import doctor as checks  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    console = screen.say()
    verdicts: list[Verdict] = []
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    with screen.complain().status("checking this server") if console.is_terminal else nullcontext():
        verdicts = checks.examine(config(), health=lambda: _health(ctx))
    for verdict in verdicts:
        seen = Text(verdict.seen, style="dim" if verdict.level is Level.SKIPPED else "")
        if verdict.remedy:
            seen.append(f"\n{'→' if screen.fancy(console) else '->'} {verdict.remedy}", style="cyan")
        table.add_row(screen.mark(console, verdict.level), verdict.check, seen)
    failed = sum(verdict.level is Level.FAILED for verdict in verdicts)
    warned = sum(verdict.level is Level.WARNING for verdict in verdicts)
    if as_json:
        screen.print_json([asdict(verdict) for verdict in verdicts])
    else:
        console.print(table)
        console.print()
        if failed or warned:
            told = [
                f"{count} {word}" for count, word in ((failed, "failed"), (warned, "to look at")) if count
            ]
            console.print(Text(", ".join(told), style="bold red" if failed else "bold yellow"))
        else:
            console.print(Text("Everything is as it should be.", style="bold green"))
    if failed:
        raise typer.Exit(FAILED)


def _health(ctx: typer.Context) -> tuple[int, dict[str, object]]:
    """The answer of ``/healthz``."""
    return open_client(ctx, quick=True).health()
