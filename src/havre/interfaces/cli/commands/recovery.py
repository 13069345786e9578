"""``havre recovery-kit`` and ``havre rebuild``: what a lost server comes back by, and how."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.domain import times
from havre.errors import HavreError, UsageError
from havre.interfaces.cli.session import Json, confirm, default_socket, open_client
from havre.interfaces.cli.trouble import FAILED, INTERRUPTED

if TYPE_CHECKING:
    from havre.domain.continuity.rebuilding import Outcome
    from havre.interfaces.cli.client import Client
    from havre.operations.server.rebuild import Journal

_FINAL = frozenset({"succeeded", "failed", "cancelled"})


def recovery_kit(
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FILE|-",
            help="Write the text there; - is standard output, also where that is no terminal.",
            show_default=False,
        ),
    ] = "",
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf", metavar="FILE", help="Write one page to print, with a QR code.", show_default=False
        ),
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Only say that it is kept elsewhere; nothing secret is shown.")
    ] = False,
) -> None:
    """Print the recovery kit: all that a new server needs to bring this one back.

    It holds the address of the off-site storage, its keys and the passphrase, and is tried before it is
    printed: the archive is read with exactly what it says. Whoever has it can read every copy of the data.
    Keep it where the loss of this server does not reach it. `havre doctor` reminds of it until somebody
    said that it is stored, and again after a key was changed. Run it as root on the server.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.server import recovery_kit as kits  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    shows = sys.stdout.isatty()
    if not (to or pdf or stored or shows):
        raise UsageError(
            "secrets are printed to a terminal or a file only", hint="--to FILE, or --to - for this output"
        )
    made = kits.make(config(), actor=_who(), report=screen.note)
    screen.note(f"tried: it leads to the state of {times.shown(made.state.made_at)}")
    if pdf:
        from havre.interfaces.kit_page import page  # noqa: PLC0415 - start-up time

        _write(pdf, page(made.kit, made.text, made.made_at))
        screen.note(f"written: {pdf}")
    if to not in {"", "-"}:
        _write(Path(to), made.text.encode())
        screen.note(f"written: {to}")
    elif to == "-" or (shows and not pdf and not stored):
        typer.echo(made.text)
    if stored or (shows and sys.stdin.isatty() and confirm("Is it kept away from this server now?")):
        kits.record_stored(actor=_who())
        screen.note("noted: it is kept elsewhere")


def rebuild(
    ctx: typer.Context,
    *,
    kit: Annotated[
        str,
        typer.Option("--kit", metavar="FILE|-", help="The recovery kit; - is standard input."),
    ],
    lost_at: Annotated[
        str,
        typer.Option(
            "--lost-at",
            metavar="TIME",
            help="When the old server was lost, to measure what was lost with it.",
            show_default=False,
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Read the archive by the kit, and do nothing else.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a lost server back on this one, which is empty but for Havre: by the recovery kit alone.

    Havre's own state comes first, then of every environment its images, volumes and databases, each to the
    newest moment that is saved; then its release starts and is asked through its public routes. Nothing is
    taken from Git or a registry. If it is interrupted, the same command goes on where it was. At the end it
    tells how long it took, and what was lost. Run it as root on the server.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.domain.continuity import kit as kits  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.server import rebuild as rebuilding  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    moment = times.read(lost_at) if lost_at else None
    if os.geteuid() != 0:
        raise UsageError("only root may rebuild a server", hint="sudo havre rebuild …")
    given = kits.parse(_read(kit))
    if dry_run:
        found = rebuilding.read_with(config(), given, report=_quiet if as_json else screen.note)
        if as_json:
            screen.print_json({"place": given.place.place, "state": found.as_data()})
        else:
            screen.note(f"{given.place.place} holds the state of {times.shown(found.made_at)}")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("this must be confirmed", hint="in a script: --yes")
        if not confirm(f"Bring back here what is saved at {given.place.place}?"):
            raise typer.Exit(INTERRUPTED)
    work = rebuilding.Rebuilding(config(), given, report=_quiet if as_json else screen.note)
    journal = work.begin()
    client = open_client(ctx)
    rows = [
        _brought_back(client, place, number, quiet=as_json) for place, number in journal.operations.items()
    ]
    outcome = _outcome(journal, rows, moment)
    failed = [row for row in rows if row["state"] != "succeeded"]
    if not failed:
        work.end()
    _show(outcome, journal, as_json=as_json)
    if failed:
        names = ", ".join(str(row["target"]) for row in failed)
        raise HavreError(
            f"not all came back: {names}",
            hint="see `havre operations list`; when the cause is gone, run the same command again",
        )


def _brought_back(client: Client, place: str, number: int, *, quiet: bool) -> dict[str, Any]:
    """Follow the operation that brings an environment back; one that had failed before is asked for anew."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.follow import follow  # noqa: PLC0415 - start-up time

    row = dict(client.get(f"/api/v1/operations/{number}"))
    if row["state"] in {"failed", "cancelled"}:
        named = {"project": row["project"], "environment": row["environment"]}
        params = {"confirm": place}
        row = dict(client.post("/api/v1/operations", {"kind": "rebuild", **named, "params": params}))
    if row["state"] not in _FINAL:
        if not quiet:
            screen.note(f"{place}:")
        try:
            if quiet:
                for _ in client.events(int(row["id"])):
                    pass
            else:
                follow(client, row, as_json=False)
        except typer.Exit as ended:
            if ended.exit_code != FAILED:
                raise
    return dict(client.get(f"/api/v1/operations/{row['id']}"))


def _outcome(journal: Journal, rows: list[dict[str, Any]], lost_at: datetime | None) -> Outcome:
    from havre.domain.continuity.rebuilding import Older, Outcome, Recovered, Timed  # noqa: PLC0415 - start-up time

    steps = [Timed(**row) for row in journal.steps]
    databases, older = [], []
    for row in rows:
        steps += [
            Timed(step["title"], str(row["target"]), _seconds(step), str(step["message"]))
            for step in row["steps"]
            if step["state"] != "pending"
        ]
        for name, commit in (row["result"].get("commits") or {}).items():
            at = datetime.fromisoformat(commit) if commit else None
            databases.append(Recovered(f"{row['target']} {name}", at))
        if lost := row["result"].get("lost_release"):
            newer = str(row["result"].get("newer_data") or "")
            older.append(Older(str(row["target"]), int(row["result"]["release"]), int(lost), newer))
    return Outcome(steps, databases, journal.seconds, lost_at, older)


def _seconds(step: dict[str, Any]) -> float:
    begun, ended = step.get("started_at"), step.get("finished_at")
    if not (begun and ended):
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()


def _show(outcome: Outcome, journal: Journal, *, as_json: bool) -> None:
    from havre.adapters.host import machine  # noqa: PLC0415 - start-up time
    from havre.domain.continuity.rebuilding import name_changes  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    names = name_changes(journal.hosts, machine.address())
    if as_json:
        screen.print_json(
            {
                "rto_seconds": round(outcome.seconds, 1),
                "loss_seconds": outcome.loss.total_seconds() if outcome.loss is not None else None,
                "steps": [step.as_data() for step in outcome.steps],
                "databases": [
                    {"name": each.name, "newest_commit": each.commit.isoformat() if each.commit else None}
                    for each in outcome.databases
                ],
                "older_releases": [
                    {"environment": each.environment, "release": each.release, "lost": each.lost}
                    for each in outcome.older
                ],
                "operations": journal.operations,
                "names": [str(change) for change in names],
            }
        )
        return
    screen.listing(
        ("OF", "STEP", "SECONDS", ""),
        (
            (step.environment or "server", step.what, f"{step.seconds:.1f}", step.told)
            for step in outcome.steps
        ),
        empty="",
        right=("SECONDS",),
    )
    for line in outcome.summary():
        typer.echo(line)
    if names:
        typer.echo("names that have to lead here now, at who keeps your DNS:")
        for change in names:
            typer.echo(f"  {change}")


def _read(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read: {error.__class__.__name__}") from error


def _write(path: Path, content: bytes) -> None:
    """A file that only its owner may read; one that is there is not replaced."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _who() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _quiet(_: str) -> None:
    """Nothing is told."""
