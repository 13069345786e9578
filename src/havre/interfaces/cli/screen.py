"""The terminal: consoles, tables, marks, and how sizes, times and ages are written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import humanize
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_WIDE = 200
"""Columns of a listing that goes to a file or a pipe: nothing is cut or wrapped there."""

STATE_STYLES = {
    "running": "cyan",
    "queued": "yellow",
    "pending": "dim",
    "preparing": "cyan",
    "done": "green",
    "succeeded": "green",
    "live": "green",
    "healthy": "green",
    "ok": "green",
    "superseded": "dim",
    "skipped": "dim",
    "stopped": "dim",
    "cancelled": "yellow",
    "warning": "yellow",
    "failed": "red",
}
_MARKS = {
    "done": ("✔", "+"),
    "ok": ("✔", "+"),
    "succeeded": ("✔", "+"),
    "failed": ("✘", "x"),
    "skipped": ("-", "-"),
    "cancelled": ("■", "#"),
    "warning": ("▲", "!"),
    "pending": ("·", "."),
    "running": ("●", "*"),
}


def say() -> Console:
    """The console of standard output."""
    return _console(stderr=False)


def complain() -> Console:
    """The console of standard error: notes, warnings, errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    fixed = terminal or "COLUMNS" in os.environ
    return Console(stderr=stderr, width=None if fixed else _WIDE, highlight=False)


def note(text: str) -> None:
    """Say something beside the result, on standard error."""
    complain().print(Text(text, style="dim"), soft_wrap=True)


def warn(text: str) -> None:
    """Say on standard error what deserves attention."""
    complain().print(Text.assemble(("warning  ", "bold yellow"), Text(text)), soft_wrap=True)


def until(text: str | None) -> str:
    """How long until a time of the API: ``in 3 hours``; ``never`` without one."""
    found = moment(text)
    return f"in {humanize.naturaldelta(found - datetime.now(UTC))}" if found else "never"


def steps(title: str, told: Iterable[str]) -> None:
    """Say what will be done, numbered, on standard output."""
    console = say()
    console.print(Text(title))
    for number, step in enumerate(told, 1):
        console.print(Text(f"  {number}. {step}"), soft_wrap=True)


def print_json(data: Any) -> None:
    """Print a listing for programs, on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def fancy(console: Console) -> bool:
    """Whether the terminal has more than ASCII."""
    return console.encoding.startswith("utf")


def mark(console: Console, state: str) -> Text:
    """One character that stands for a state, in ASCII where the terminal has no more."""
    rich, plain = _MARKS.get(state, ("·", "."))
    return Text(rich if fancy(console) else plain, style=STATE_STYLES.get(state, ""))


def state(name: str) -> Text:
    """A state's name in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))


def listing(
    columns: Sequence[str],
    rows: Iterable[Sequence[RenderableType]],
    *,
    empty: str,
    right: Sequence[str] = (),
    fold: bool = True,
) -> None:
    """Print a table, or one sentence when there is nothing to list.

    Args:
        columns: the headings; the last column takes the place that is left.
        rows: the cells.
        empty: what to say without rows.
        right: headings of the columns of figures, set flush right.
        fold: whether the last column wraps; else it is cut.
    """
    filled = list(rows)
    if not filled:
        note(empty)
        return
    console = say()
    cut = not fold and console.width != _WIDE
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0), expand=cut)
    for position, column in enumerate(columns):
        last = position == len(columns) - 1
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold" if last and fold else "ellipsis",
            no_wrap=not (last and fold),
            ratio=1 if last and cut else None,
        )
    for row in filled:
        table.add_row(*row)
    console.print(table)


def moment(text: str | None) -> datetime | None:
    """A time of the API (ISO 8601), None when there is none."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def clock(text: str | None) -> str:
    """The time of day of a time of the API, here."""
    found = moment(text) or datetime.now(UTC)
    return found.astimezone().strftime("%H:%M:%S")


def age(text: str | None) -> str:
    """How long ago a time of the API was: ``3 minutes ago``, empty when there is none."""
    found = moment(text)
    if found is None:
        return ""
    gone = datetime.now(UTC) - found
    return "now" if gone.total_seconds() < 1 else humanize.naturaltime(gone)


def since(text: str | None) -> str:
    """How long something lasts already: ``3 minutes``."""
    found = moment(text)
    return humanize.naturaldelta(datetime.now(UTC) - found) if found else ""


def duration(seconds: float | None) -> str:
    """A measured time, exact enough to compare: ``0.4s``, ``31s``, ``2m 05s``, ``1h 03m``."""
    if seconds is None:
        return ""
    if seconds < 9.95:  # noqa: PLR2004 - tenths matter below ten seconds
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def size(count: float | None) -> str:
    """Bytes as people read them: ``182 MB``."""
    if count is None:
        return ""
    text = humanize.naturalsize(count, format="%.1f")
    number, _, unit = text.partition(" ")
    return f"{round(float(number))} {unit}" if "." in number and float(number) >= 10 else text  # noqa: PLR2004


def short(commit: str) -> str:
    """A commit as it is shown."""
    return commit[:10]
