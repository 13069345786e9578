"""How far something long in this process is: a bar on a terminal, else a line for each part of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

Show = Callable[[str, int, int], None]
"""Called with what is done, how much of it is, and of how much; 0 where that is not known."""


def bytes_bar(*, quiet: bool) -> contextlib.AbstractContextManager[Show]:
    """Of bytes; ``quiet``: nothing is shown."""
    return _bar(
        16, lambda p: (p.DownloadColumn(), p.TransferSpeedColumn(), p.TimeRemainingColumn()), quiet=quiet
    )


def rows_bar(*, quiet: bool) -> contextlib.AbstractContextManager[Show]:
    """Of rows; ``quiet``: nothing is shown."""
    return _bar(
        10,
        lambda p: (
            p.MofNCompleteColumn(), p.TextColumn("rows"), p.TimeElapsedColumn(), p.TimeRemainingColumn(),
        ),
        quiet=quiet,
    )  # fmt: skip


@contextlib.contextmanager
def _bar(width: int, columns: Callable[[Any], Sequence[ProgressColumn]], *, quiet: bool) -> Iterator[Show]:
    """The bar; ``columns`` takes rich's module, which is imported only where there is a bar."""
    if quiet:
        yield lambda _doing, _done, _total: None
        return
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if not sys.stderr.isatty():
        said: set[str] = set()

        def line(doing: str, _done: int, _total: int) -> None:
            if doing not in said:
                said.add(doing)
                screen.note(f"{doing} …")

        yield line
        return
    from rich import progress  # noqa: PLC0415 - start-up time

    shown = (progress.TextColumn(f"{{task.description:<{width}}}"), progress.BarColumn(), *columns(progress))
    with progress.Progress(*shown, console=screen.complain(), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total or None)
            bar.update(tasks[doing], completed=done, total=total or None)

        yield show
