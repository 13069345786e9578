"""``havre server``: install, upgrade and uninstall Havre on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Json, confirm
from havre.interfaces.cli.trouble import INTERRUPTED

if TYPE_CHECKING:
    from havre.domain.installation import Action, Plan

app = typer.Typer(no_args_is_help=True, help="Install, upgrade and uninstall Havre on this machine. As root.")

DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Show what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def install(
    *,
    admin: Annotated[
        str,
        typer.Option(
            "--admin",
            metavar="ACCOUNT",
            help="The first administrator: this account joins the group that may use the command. Default:"
            " who called sudo.",
            show_default=False,
        ),
    ] = "",
    domain: Annotated[
        str,
        typer.Option(
            "--domain",
            metavar="HOST",
            help="Host name of Havre's own API, for the command line from elsewhere.",
            show_default=False,
        ),
    ] = "",
    acme_email: Annotated[
        str,
        typer.Option(
            "--acme-email",
            metavar="ADDRESS",
            help="Account for certificates by Let's Encrypt.",
            show_default=False,
        ),
    ] = "",
    address: Annotated[
        str,
        typer.Option(
            "--address",
            metavar="IP",
            help="Address of this server by which other nodes would reach it. Default: the one of its default"
            " route.",
            show_default=False,
        ),
    ] = "",
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start Havre, now and at every boot.")
    ] = True,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Install what runs here as a server: accounts, directories, units, the engine, the first administrator.

    It looks first and shows what is missing; a second run does nothing. Settings that are there are left
    alone. Where systemd does not run the machine, everything else is done, and you start havre serve.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.domain.installation import Choices  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen, share  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.commands.server import own_version  # noqa: PLC0415 - start-up time
    from havre.operations.server.install import Installer  # noqa: PLC0415 - start-up time
    from havre.operations.server.place import Answers  # noqa: PLC0415 - start-up time

    caller = os.environ.get("SUDO_USER", "")
    installer = Installer(
        config(),
        Choices(admin or ("" if caller == "root" else caller), address, start),
        Answers(domain, acme_email),
        share.files(),
        own_version(),
    )
    plan = installer.plan()
    _refuse(plan)
    if _show(plan, "Install Havre on this server?", dry_run=dry_run, yes=yes, as_json=as_json):
        installer.execute(plan, report=_progress(plan, as_json=as_json))
        if not as_json:
            screen.note("done; check it: havre doctor")


@app.command()
def upgrade(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="WHEEL|VERSION",
            help="A wheel's file, or a version that pip can fetch. Default: the newest that pip finds.",
            show_default=False,
        ),
    ] = "",
    database_is_saved: Annotated[
        bool, typer.Option("--database-is-saved", help="Where the state is in a PostgreSQL of your own.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Upgrade Havre; applications go on serving meanwhile.

    The migration is rehearsed on a copy of the database. Then web and worker are stopped, the state is
    backed up and migrated, and the new version has to prove that it is well; else version and database
    from before are put back.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.server import backup, place  # noqa: PLC0415 - start-up time
    from havre.operations.server import upgrade as upgrading  # noqa: PLC0415 - start-up time

    _require_root("upgrade")
    settings = config()
    backup.require_copyable(settings, is_saved=database_is_saved)
    if not dry_run and upgrading.settle_interrupted(settings, screen.note):
        upgrading.go_on_as_current(sys.argv[1:])
    with upgrading.target(to) as wanted:
        steps = upgrading.steps(wanted, place.manager(settings))
        told = {"from": wanted.before, "to": wanted.version}
        if dry_run and as_json:
            screen.print_json({**told, "steps": steps})
            return
        if not as_json:
            typer.echo(f"upgrade {wanted.before} to {wanted.version}")
            for step in steps:
                typer.echo(f"  {step}")
        if dry_run:
            return
        if not yes and not confirm("Upgrade?"):
            raise typer.Exit(INTERRUPTED)
        copy = upgrading.upgrade(settings, wanted, report=_ignore if as_json else screen.note)
    if as_json:
        screen.print_json({**told, "state_copy": str(copy)})
    else:
        typer.echo(f"havre {wanted.version} runs; a copy of the state from before: {copy}")


@app.command()
def uninstall(
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove settings, state, keys, backups and the account too.")
    ] = False,
    applications: Annotated[
        bool,
        typer.Option(
            "--applications",
            help="Remove every application and the router too; with --purge also their data.",
        ),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take Havre away from this server. Applications go on serving, and data stay, unless told.

    Says what it removes and what stays. Without the worker, nobody changes or heals routes.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.domain.installation import Removal  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import share  # noqa: PLC0415 - start-up time
    from havre.operations.server.uninstall import Uninstaller  # noqa: PLC0415 - start-up time

    uninstaller = Uninstaller(config(), Removal(purge, applications), share.files())
    plan = uninstaller.plan()
    _refuse(plan)
    if _show(plan, "Remove Havre from this server?", dry_run=dry_run, yes=yes, as_json=as_json):
        uninstaller.execute(plan, report=_progress(plan, as_json=as_json))


def _require_root(what: str) -> None:
    if os.geteuid() != 0:
        raise UsageError(f"only root can {what} a server", hint="run it by sudo")


def _refuse(plan: Plan) -> None:
    """End where something forbids the plan."""
    if len(plan.problems) == 1:
        ((what, remedy),) = plan.problems
        raise UsageError(what, hint=remedy)
    if plan.problems:
        raise UsageError(
            f"{len(plan.problems)} things forbid it; nothing was changed",
            detail="\n".join(f"{what}: {remedy}" for what, remedy in plan.problems),
        )


def _show(plan: Plan, question: str, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Show a plan and ask; whether to execute it."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if as_json:
        rows: list[dict[str, Any]] = [
            {"action": str(a.kind), "subject": a.subject, "why": a.why} for a in plan.actions
        ]
        screen.print_json({"actions": rows, "notes": plan.notes})
    else:
        rows_ = ((str(action.kind), action.subject, action.why) for action in plan.actions)
        screen.listing(("ACTION", "WHAT", "WHY"), rows_, empty="Nothing is to be done.")
        for note in plan.notes:
            screen.note(f"note: {note}")
    if dry_run or not plan.actions:
        return False
    if not yes and not confirm(question):
        raise typer.Exit(INTERRUPTED)
    return True


def _progress(plan: Plan, *, as_json: bool) -> Callable[[Action], None]:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    done = 0

    def report(action: Action) -> None:
        nonlocal done
        done += 1
        if not as_json:
            screen.note(f"[{done}/{len(plan.actions)}] {action}")

    return report


def _ignore(_text: str) -> None:
    """Say nothing: the outcome is told as JSON."""
