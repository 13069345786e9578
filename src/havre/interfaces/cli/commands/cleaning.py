"""``havre doctor --clean``: take away what nothing needs any more."""

from __future__ import annotations

import typer

from havre.domain.audit import Orphan
from havre.interfaces.cli import screen
from havre.interfaces.cli.session import confirm, default_socket
from havre.interfaces.cli.trouble import FAILED


def clean_up(*, yes: bool, as_json: bool) -> None:
    """Show the orphans of this server, ask, and remove them; those that may hold data are only named.

    Ends with 1 when something could not be removed.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import doctor  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    found = doctor.find_orphans(config())
    removable = [orphan for orphan in found if not orphan.holds_data]
    if not as_json:
        _show(found)
    if removable and not yes and not confirm(f"Take {len(removable)} of them away?"):
        raise typer.Exit(FAILED)
    cleaned = doctor.clean_orphans(config())
    failed = [(orphan, why) for orphan, why in cleaned.left if not orphan.holds_data]
    if as_json:
        screen.print_json(
            {
                "removed": [orphan.shown() for orphan in cleaned.removed],
                "left": [{**orphan.shown(), "reason": why} for orphan, why in cleaned.left],
            }
        )
    else:
        for orphan in cleaned.removed:
            typer.echo(f"{'stopped' if orphan.stop else 'removed'} {orphan.thing.kind} {orphan.thing.name}")
        for orphan, why in failed:
            screen.warn(f"{orphan.thing.kind} {orphan.thing.name} is left: {why}")
        for orphan in (orphan for orphan in found if orphan.holds_data):
            screen.note(f"kept, it may hold data: docker volume rm {orphan.thing.name}")
    if failed:
        raise typer.Exit(FAILED)


def _show(found: tuple[Orphan, ...]) -> None:
    screen.listing(
        ("KIND", "NAME", "WHY"),
        [(orphan.thing.kind.value, orphan.thing.name, orphan.why) for orphan in found],
        empty="No orphans: all that Havre made is in use.",
    )
