"""``havre images``: the images that Havre built or pulled, who needs them, and pruning."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from havre.interfaces.cli.session import Json, confirm, default_socket
from havre.interfaces.cli.trouble import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from havre.domain.pruning import Judged

app = typer.Typer(
    no_args_is_help=True,
    help="The images that Havre built or pulled on this server, and who needs them.",
)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the images of this server that are Havre's, the newest first, with what needs each.

    The kept releases of an environment are the live one, those that stand by for a rollback, and the newest
    that served (HAVRE_KEEP_RELEASES of them). What nothing needs is removed after each deployment and
    once a day. Run it as root on the server.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    found = _found()
    if as_json:
        screen.print_json([each.shown() for each in found])
        return
    _show(found, empty="Havre built and pulled no image here yet.")
    going = [each for each in found if each.goes]
    if going:
        screen.note(f"nothing needs {len(going)} of them; havre images prune removes them")


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove the images that nothing needs, and what the build cache holds above its ceiling, now.

    Never an image that a kept release, a container or a running operation needs, nor one that Havre neither
    built nor pulled. Run it as root on the server.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import image_commands  # noqa: PLC0415 - start-up time

    going = [each for each in _found() if each.goes]
    if dry_run:
        if as_json:
            screen.print_json({"would_remove": [each.shown() for each in going]})
        else:
            _show(going, empty="Nothing to remove: all images are needed.")
        return
    if not as_json:
        _show(going, empty="Nothing to remove: all images are needed.")
    if going and not yes and not confirm(f"Remove {len(going)} images?"):
        raise typer.Exit(FAILED)
    pruned, freed = image_commands.prune(config())
    if as_json:
        screen.print_json(
            {
                "removed": [each.shown() for each in pruned.removed],
                "left": [each.shown() for each in pruned.left],
                "build_cache_freed": freed,
            }
        )
        return
    typer.echo(f"{len(pruned.removed)} images removed, {screen.size(freed)} of the build cache freed")
    for each in pruned.left:
        screen.warn(f"{each.name} is in use and stays")


def _found() -> tuple[Judged, ...]:
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import image_commands  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    return image_commands.images(config())


def _show(found: Sequence[Judged], *, empty: str) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    screen.listing(
        ("IMAGE", "SIZE", "AGE", "NEEDED BY"),
        [
            (
                each.name,
                screen.size(each.image.size),
                screen.age(datetime.fromtimestamp(each.image.created, UTC).isoformat()),
                ", ".join(each.needed_by) or "nothing",
            )
            for each in found
        ],
        empty=empty,
        right=("SIZE",),
    )
