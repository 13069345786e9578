"""``havre logs``: the lines that the services write, filtered and followed."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import ServerError, UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.session import PRODUCTION, Environment, Project, open_client, project_of

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client

_SPAN = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")
_REMEMBERED = 1000
_AWAY_FOR = 120.0


def logs(
    ctx: typer.Context,
    *,
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            "-s",
            help="Only this service. May be repeated.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="From then on: 90s, 10m, 2h30m, 1d, or 2026-01-31T08:00.",
            show_default=False,
        ),
    ] = "",
    tail: Annotated[
        int | None,
        typer.Option(
            "--tail",
            metavar="N",
            min=0,
            help="The last N lines. Default: 100, all with --since.",
            show_default=False,
        ),
    ] = None,
    grep: Annotated[
        str,
        typer.Option(
            "--grep", metavar="REGEX", help="Only lines in which this (RE2) is found.", show_default=False
        ),
    ] = "",
    environment: Environment = PRODUCTION,
    project: Project = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as a JSON object.")] = False,
) -> None:
    """Show what the services write."""
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    if grep:
        _require_pattern(grep)
    begin = moment_of(since, datetime.now(UTC)) if since else None
    name = project_of(project)
    asked = {
        "service": service or None,
        "since": begin.timestamp() if begin else None,
        "tail": tail if tail is not None else None if begin else 100,
        "follow": "true" if follow else None,
        "grep": grep,
    }
    lines = _lines(open_client(ctx), at(name, environment, "logs"), asked, follow=follow)
    show = _as_json if as_json else _coloured() if sys.stdout.isatty() else _plain
    for row in lines:
        show(row)


def _require_pattern(grep: str) -> None:
    from havre.domain.readiness import LogPattern  # noqa: PLC0415 - start-up time

    try:
        LogPattern(grep)
    except ValueError as error:
        raise UsageError(
            f"--grep {grep!r} is not a regular expression: {error}",
            hint="put a backslash before signs that stand for themselves; there are no look-arounds",
        ) from error


def moment_of(text: str, now: datetime) -> datetime:
    """The time that ``--since`` means: a span before now, or a date and time of this machine.

    Raises:
        UsageError: it is neither.
    """
    spans = _SPAN.findall(text)
    if spans and not _SPAN.sub("", text).strip():
        try:
            return now - timedelta(**{_UNITS[unit]: int(number) for number, unit in spans})
        except OverflowError as error:
            raise UsageError(f"--since {text} is too long ago") from error
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text!r} is not a time", hint="write a span (90s, 10m, 2h30m, 1d) or 2026-01-31T08:00"
        ) from error


def _lines(client: Client, path: str, asked: dict[str, Any], *, follow: bool) -> Iterator[dict[str, Any]]:
    """The rows of the log; followed through broken connections, without showing a line twice."""
    seen: deque[tuple[Any, Any, Any]] = deque(maxlen=_REMEMBERED)
    last_heard = time.monotonic()
    again = False
    while True:
        try:
            for row in client.rows(path, **asked):
                key = (row.get("at"), row.get("task"), row.get("line"))
                last_heard = time.monotonic()
                if again and key in seen:
                    continue
                seen.append(key)
                yield row
        except ServerError:
            # A silent log looks like a dead connection after a minute; asking again settles it.
            if not follow or not (seen or again) or time.monotonic() - last_heard > _AWAY_FOR:
                raise
        if not follow:
            return
        again = True
        time.sleep(0.5)
        if seen:
            asked = {**asked, "tail": None, "since": _epoch(seen[-1][0]) or asked["since"]}


def _epoch(at: Any) -> float | None:
    """Seconds since 1970 of a row's time, which is a number or ISO 8601."""
    try:
        return float(at) if isinstance(at, int | float) else datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return None


def _as_json(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _prefix(row: dict[str, Any]) -> tuple[str, str]:
    seconds = _epoch(row.get("at"))
    at = datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%H:%M:%S") if seconds else "--:--:--"
    release = f" r{row['release']}" if row.get("release") else ""
    return at, f"{row.get('service') or ''}{release}"


def _plain(row: dict[str, Any]) -> None:
    at, who = _prefix(row)
    sys.stdout.write(f"{at} {who} | {row.get('line', '')}\n")
    sys.stdout.flush()


class _coloured:  # noqa: N801 - used like a function
    """Print rows for a terminal: a colour per service; of escape sequences only colours pass."""

    def __init__(self) -> None:
        from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

        self._console = screen.say()
        self._width = 0
        self._services: dict[str, str] = {}

    def __call__(self, row: dict[str, Any]) -> None:
        from rich.text import Text  # noqa: PLC0415 - start-up time

        at, who = _prefix(row)
        self._width = max(self._width, len(who))
        service = str(row.get("service"))
        colour = self._services.setdefault(service, _COLOURS[len(self._services) % len(_COLOURS)])
        line = Text.from_ansi(str(row.get("line", "")))
        if row.get("stream") == "stderr" and not line.spans:
            line.stylize("italic")
        self._console.print(
            Text.assemble((f"{at} ", "dim"), (f"{who:<{self._width}} │ ", colour), line), soft_wrap=True
        )
