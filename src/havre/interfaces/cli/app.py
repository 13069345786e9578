"""The ``havre`` command: its commands, and how it ends."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from havre.errors import HavreError, UsageError
from havre.interfaces.cli import trouble
from havre.interfaces.cli.commands import (
    admin,
    alert,
    alert_channel,
    audit,
    backup_storage,
    backups,
    canary,
    continuity,
    cron,
    db,
    deploy_key,
    drill,
    enter,
    images,
    init,
    installation,
    local_ca,
    logs,
    look,
    manifest,
    one_off,
    operations,
    persons,
    plan,
    privacy,
    recovery,
    releases,
    secrets,
    server,
    sign_in,
    tokens,
    variables,
)
from havre.interfaces.cli.examples import epilog, prose
from havre.interfaces.cli.session import Where

# A wrong option or argument ends like any other wrong request; Typer's own 2 means changes here.
_WrongUse: Any
_Told: Any
_WrongUse, _Told = typer.BadParameter.__mro__[1:3]
_WrongUse.exit_code = trouble.USAGE

_DEPLOY = "Deploy"
_RUN = "Run commands"
_DATA = "Data"
_LOOK = "Look"
_BACKUPS = "Back up and restore"
_SETTINGS = "Settings"
_SERVER = "This server"

app = typer.Typer(
    name="havre",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,  # a local variable may hold a secret
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"havre {server.own_version()}")
        raise typer.Exit


@app.callback()
def main(
    ctx: typer.Context,
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            help="A Havre elsewhere, by HTTPS; its token is read from HAVRE_TOKEN. Also HAVRE_URL.",
            show_default=False,
        ),
    ] = "",
    socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="PATH",
            help="The API's unix socket, if not this server's own. Also HAVRE_SOCKET.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="PEM file of the authority that signed the certificate of --url. Also SSL_CERT_FILE.",
            show_default=False,
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take an application from a Git repository to a production that is healthy and reachable.

    Go into a repository, and:

      havre init       write its havre.yaml, once
      havre deploy     build its commit and switch to it without a failed request
      havre ps         see what runs
      havre logs -f    see what it says
      havre rollback   return to the release before

    Every command explains itself: havre deploy --help. On trouble: havre doctor.
    """
    ctx.obj = Where(url=url, socket=socket, ca=ca)


for _command, _panel in (
    (init.init, _DEPLOY),
    (releases.deploy, _DEPLOY),
    (plan.plan, _DEPLOY),
    (plan.apply, _DEPLOY),
    (plan.adopt, _DEPLOY),
    (releases.rollback, _DEPLOY),
    (canary.promote, _DEPLOY),
    (canary.abort, _DEPLOY),
    (releases.scale, _DEPLOY),
    (releases.restart, _DEPLOY),
    (releases.destroy, _DEPLOY),
    (one_off.run, _RUN),
    (enter.exec_, _RUN),
    (privacy.anonymise, _DATA),
    (look.ps, _LOOK),
    (logs.logs, _LOOK),
    (look.releases, _LOOK),
    (look.environments, _LOOK),
    (look.projects, _LOOK),
    (backups.restore, _BACKUPS),
    (recovery.recovery_kit, _BACKUPS),
    (recovery.rebuild, _BACKUPS),
    (sign_in.login, _SETTINGS),
    (sign_in.logout, _SETTINGS),
    (server.doctor, _SERVER),
    (server.version, _SERVER),
    (server.serve, _SERVER),
    (server.web, _SERVER),
    (server.worker, _SERVER),
):
    _word = _command.__name__.rstrip("_").replace("_", "-")  # exec_, for Python has an exec of its own
    app.command(_word, help=prose(_command), epilog=epilog(_word), rich_help_panel=_panel)(_command)
privacy.app.command()(persons.export)
privacy.app.command()(persons.erase)
_PARENTS = {"server": installation.app, "backup": backups.app, "alert": alert.app}
for _group, _name, _panel in (
    (local_ca.app, "server local-ca", ""),
    (backup_storage.app, "backup storage", ""),
    (alert_channel.app, "alert channel", ""),
    (alert.app, "alert", _LOOK),
    (backups.app, "backup", _BACKUPS),
    (drill.app, "drill", _BACKUPS),
    (continuity.app, "continuity", _BACKUPS),
    (cron.app, "cron", _RUN),
    (db.app, "db", _DATA),
    (privacy.app, "privacy", _DATA),
    (operations.app, "operations", _LOOK),
    (variables.app, "env", _SETTINGS),
    (secrets.app, "secrets", _SETTINGS),
    (deploy_key.app, "deploy-key", _SETTINGS),
    (manifest.app, "manifest", _SETTINGS),
    (admin.app, "admin", _SERVER),
    (audit.app, "audit", _LOOK),
    (tokens.app, "tokens", _SERVER),
    (installation.app, "server", _SERVER),
    (images.app, "images", _SERVER),
):
    for _entry in _group.registered_commands:
        if _entry.callback is not None:
            _entry.help = prose(_entry.callback)
            _entry.epilog = epilog(f"{_name} {_entry.name or _entry.callback.__name__}")
    if _panel:
        app.add_typer(_group, name=_name, rich_help_panel=_panel)
    else:
        _parent, _, _word = _name.rpartition(" ")
        _PARENTS[_parent].add_typer(_group, name=_word)


def run() -> None:
    """Run the command line and end the process with one of :data:`trouble.EXIT_CODES`."""
    # What stands behind -- is for another program.
    own = itertools.takewhile(lambda word: word != "--", sys.argv[1:])
    as_json = "--json" in own
    try:
        # Typer draws a box around what is wrong and ends by itself, unless it is told to leave both to us.
        code = app(prog_name="havre", standalone_mode=not as_json)
    except HavreError as error:
        sys.exit(trouble.report(error, as_json=as_json))
    except typer.Abort:
        sys.exit(trouble.FAILED)
    except _Told as told:
        context = getattr(told, "ctx", None)
        command = context.command_path if context else "havre"
        wrong = UsageError(told.format_message(), hint=f"see {command} --help")
        sys.exit(trouble.report(wrong, as_json=True))
    sys.exit(code if isinstance(code, int) else trouble.OK)
