"""Following an operation: live in a terminal, as plain lines in a log, as JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from havre.interfaces.cli import outcome, screen
from havre.interfaces.cli.client import Client, Received
from havre.interfaces.cli.progress import Progress, StepSeen
from havre.interfaces.cli.trouble import FAILED, INTERRUPTED

_LIVE_LINES = 5
_FAILURE_LINES = 25


def follow(client: Client, operation: dict[str, Any], *, as_json: bool, verbose: bool = False) -> None:
    """Show an operation until it is over.

    Args:
        client: where to read its events.
        operation: as the API described it.
        as_json: print every event as received, one JSON object per line.
        verbose: where the output is no terminal, print log lines too.

    Raises:
        typer.Exit: it failed (1), or Ctrl-C ended the following (130) and the operation goes on.
    """
    number = int(operation["id"])
    progress = Progress.of(operation)
    console = screen.say()
    try:
        if as_json:
            _as_json(client, number, progress)
        elif console.is_terminal:
            _Live(console, progress).run(client, number)
        else:
            _Plain(progress, verbose=verbose).run(client, number)
    except KeyboardInterrupt:
        screen.complain().print(
            f"\nNo longer following; operation {number} goes on.\n"
            f"  follow it again   havre operations follow {number}\n"
            f"  stop it           havre operations cancel {number}"
        )
        raise typer.Exit(INTERRUPTED) from None
    if not as_json:
        if progress.state == "failed" and not (progress.error or {}).get("detail"):
            console.print(_log(progress.cause(_FAILURE_LINES), bar="  │" if screen.fancy(console) else "  |"))
        console.print(outcome.panel(client, operation, progress, console))
    if progress.state != "succeeded":
        raise typer.Exit(FAILED)


def _log(lines: list[str], *, bar: str) -> RenderableType:
    """Log lines beside a bar, long ones wrapped there."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(bar, Text.from_ansi(line))
    return grid


def _as_json(client: Client, number: int, progress: Progress) -> None:
    for event in client.events(number):
        progress.apply(event, datetime.now(UTC))
        sys.stdout.write(
            json.dumps({"id": event.id, "event": event.kind, "data": event.data}, ensure_ascii=False) + "\n"
        )
        sys.stdout.flush()


class _Plain:
    """One line per step: ``12:03:11 build api … 4.2s``, begun when the step begins."""

    def __init__(self, progress: Progress, *, verbose: bool) -> None:
        self._progress = progress
        self._verbose = verbose
        self._open = ""  # the step whose line waits for its end

    def run(self, client: Client, number: int) -> None:
        for event in client.events(number, interrupted=lambda: self._line("connection lost, trying again")):
            self._progress.apply(event, datetime.now(UTC))
            if event.kind == "plan" and self._progress.attempt > 1:
                self._line(f"the worker was restarted: attempt {self._progress.attempt}")
            elif event.kind == "step":
                self._step(event, self._progress.steps[str(event.data["name"])])
            elif event.kind == "log" and self._verbose:
                source = f"{event.data.get('source')}: " if event.data.get("source") else ""
                self._line(f"  {source}{Text.from_ansi(str(event.data.get('line'))).plain}")
        self._line("")

    def _step(self, event: Received, step: StepSeen) -> None:
        if step.state == "pending":
            return
        at = screen.clock(event.data.get("at"))
        if step.state == "running":
            if self._open != step.name:
                self._line("")
                self._write(f"{at} {step.title} …")
                self._open = step.name
            if step.message:
                self._write(f" {step.message} …")
            return
        told = "" if step.state == "done" else f" {step.state}"
        took = screen.duration(step.seconds)
        ending = f"{told} {took}".rstrip() + (f"  {step.message}" if step.message else "")
        if self._open == step.name:
            self._write(f"{ending}\n")
        else:
            self._line("")
            self._write(f"{at} {step.title} …{ending}\n")
        self._open = ""

    def _line(self, text: str) -> None:
        """End the line that is open, then print one of its own."""
        if self._open:
            self._write("\n")
            self._open = ""
        if text:
            self._write(f"{text}\n")

    @staticmethod
    def _write(text: str) -> None:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


class _Live:
    """The steps with their marks and durations, redrawn in place."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line", style="cyan")
        self._away = False

    def run(self, client: Client, number: int) -> None:
        with Live(
            get_renderable=self.render, console=self._console, refresh_per_second=8, transient=False
        ) as live:
            for event in self._heard(client, number):
                self._progress.apply(event, datetime.now(UTC))
            live.refresh()

    def _heard(self, client: Client, number: int) -> Iterator[Received]:
        for event in client.events(number, interrupted=self._interrupted):
            self._away = False
            yield event

    def _interrupted(self) -> None:
        self._away = True

    def render(self) -> RenderableType:
        now = datetime.now(UTC)
        steps = list(self._progress.steps.values())
        shown: list[RenderableType] = [self._row(step, now) for step in self._fitting(steps)]
        if not steps:
            shown.append(Text("waiting for the worker", style="dim"))
        elif self._progress.state == "queued":
            shown.append(Text("  waiting: another operation of this environment runs", style="dim"))
        if self._progress.attempt > 1 and not self._progress.over:
            shown.append(
                Text(f"  the worker was restarted: attempt {self._progress.attempt}", style="yellow")
            )
        if self._away:
            shown.append(Text("  connection lost, trying again", style="yellow"))
        return Group(*shown)

    def _fitting(self, steps: list[StepSeen]) -> list[StepSeen]:
        """The steps that fit on the screen: those around the current one."""
        room = max(4, self._console.height - _LIVE_LINES - 3)
        if len(steps) <= room:
            return steps
        current = next(
            (i for i, step in enumerate(steps) if step.state in {"running", "pending"}), len(steps)
        )
        first = max(0, min(current - room + 2, len(steps) - room))
        return steps[first : first + room]

    def _row(self, step: StepSeen, now: datetime) -> RenderableType:
        running = step.state == "running"
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        title = Text(step.title, style="bold" if running else "dim" if step.state in _QUIET else "")
        if step.message:
            title.append(f"  {step.message}", style="red" if step.state == "failed" else "dim")
        mark = self._spinner if running else screen.mark(self._console, step.state)
        took = "" if step.state in _QUIET else screen.duration(step.lasting(now))
        grid.add_row(mark, title, Text(took, style="cyan" if running else "dim"))
        if not running or self._progress.over:
            return grid
        lines = [
            Text("  │ " if screen.fancy(self._console) else "  | ", style="dim")
            + Text(Text.from_ansi(line).plain, style="dim")
            for line in self._progress.last_lines(_LIVE_LINES)
        ]
        for line in lines:
            line.truncate(self._console.width - 1, overflow="ellipsis")
        return Group(grid, *lines)


_QUIET = frozenset({"pending", "skipped"})
