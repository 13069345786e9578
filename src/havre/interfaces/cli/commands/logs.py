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
    from rich.text import Text

    from havre.interfaces.cli.client import Client

_SPAN = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")
_STYLES = {"error": "red", "fatal": "bold red", "warn": "yellow", "debug": "dim", "trace": "dim"}
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
    until: Annotated[
        str,
        typer.Option(
            "--until", metavar="TIME", help="Before then, written like --since.", show_default=False
        ),
    ] = "",
    level: Annotated[
        str,
        typer.Option(
            "--level",
            "-l",
            metavar="LEVEL",
            help="Of this level or worse: trace, debug, info, warn, error, fatal. A line that tells none is"
            " info.",
            show_default=False,
            autocompletion=completion.levels,
        ),
    ] = "",
    search: Annotated[
        str,
        typer.Option(
            "--search",
            metavar="WORDS",
            help="Only lines with all these words, whatever their case; each is found where a word begins"
            " with it, several in quotes are one phrase. By an index: at once, however long the log is.",
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
    line: Annotated[
        str,
        typer.Option(
            "--line",
            metavar="ID",
            help="The line of this id (--json tells it), with those before and after it.",
            show_default=False,
        ),
    ] = "",
    environment: Environment = PRODUCTION,
    project: Project = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as a JSON object.")] = False,
) -> None:
    """Show what the services write, and wrote before: lines outlive their containers.

    Lines that belong together, such as a stack trace, come together. Havre marks deployments in between,
    and says so where it kept a sample of too many lines only. Known secrets are taken out.
    """
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    if grep:
        _require_pattern(grep)
    now = datetime.now(UTC)
    begin = moment_of(since, now) if since else None
    end = moment_of(until, now, "--until") if until else None
    if end and follow:
        raise UsageError("--follow goes on for ever, --until ends", hint="leave one of them out")
    client, path = open_client(ctx), at(project_of(project), environment, "logs")
    show = _as_json if as_json else _coloured() if sys.stdout.isatty() else _plain
    if line:
        _require_id(line)
        for row in client.get(f"{path}/lines/{line}")["lines"]:
            show(row)
        return
    asked = {
        "service": service or None,
        "since": begin.timestamp() if begin else None,
        "until": end.timestamp() if end else None,
        "level": level or None,
        "text": search or None,
        "tail": tail if tail is not None else None if begin else 100,
        "follow": "true" if follow else None,
        "grep": grep,
    }
    for row in _lines(client, path, asked, follow=follow):
        show(row)


def _require_id(text: str) -> None:
    from havre.domain.logs.record import line_id  # noqa: PLC0415 - start-up time

    try:
        line_id(text)
    except ValueError as error:
        raise UsageError(f"--line: {error}", hint="`havre logs --json` tells the id of each line") from error


def _require_pattern(grep: str) -> None:
    from havre.domain.readiness import LogPattern  # noqa: PLC0415 - start-up time

    try:
        LogPattern(grep)
    except ValueError as error:
        raise UsageError(
            f"--grep {grep!r} is not a regular expression: {error}",
            hint="put a backslash before signs that stand for themselves; there are no look-arounds",
        ) from error


def moment_of(text: str, now: datetime, option: str = "--since") -> datetime:
    """The time that ``--since`` or ``--until`` means: a span before now, or a date and time of this machine.

    Raises:
        UsageError: it is neither.
    """
    spans = _SPAN.findall(text)
    if spans and not _SPAN.sub("", text).strip():
        try:
            return now - timedelta(**{_UNITS[unit]: int(number) for number, unit in spans})
        except OverflowError as error:
            raise UsageError(f"{option} {text} is too long ago") from error
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option} {text!r} is not a time", hint="write a span (90s, 10m, 2h30m, 1d) or 2026-01-31T08:00"
        ) from error


def _lines(client: Client, path: str, asked: dict[str, Any], *, follow: bool) -> Iterator[dict[str, Any]]:
    """The rows of the log; followed through broken connections, without showing a line twice."""
    seen: deque[Any] = deque(maxlen=_REMEMBERED)
    last_heard = time.monotonic()
    again = False
    last_at: float | None = None
    while True:
        try:
            for row in client.rows(path, **asked):
                key = row.get("id") or (row.get("at"), row.get("task"), row.get("line"))
                last_heard = time.monotonic()
                if again and key in seen:
                    continue
                seen.append(key)
                last_at = _epoch(row.get("at")) or last_at
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
            asked = {**asked, "tail": None, "since": last_at or asked["since"]}


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
    return at, f"{row.get('service') or row.get('stream') or ''}{release}"


def _plain(row: dict[str, Any]) -> None:
    at, who = _prefix(row)
    sys.stdout.write(f"{at} {who} | {row.get('line', '')}\n")
    sys.stdout.flush()


def _readable(line: str) -> Text:
    """A line for a terminal; of JSON its message, then the other fields, dimmed."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.domain.logs.levels import fields_of, message_of  # noqa: PLC0415

    fields = fields_of(line)
    message = message_of(fields) if fields else ""
    if not fields or not message:
        return Text.from_ansi(line)
    rest = {name: value for name, value in fields.items() if value != message}
    told = " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in rest.items())
    return Text.assemble(Text.from_ansi(message), (f"  {told}", "dim"))


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
        line = _readable(str(row.get("line", "")))
        if style := _STYLES.get(str(row.get("level")), ""):
            line.stylize(style)
        elif row.get("stream") in {"stderr", "havre"} and not line.spans:
            line.stylize("italic")
        self._console.print(
            Text.assemble((f"{at} ", "dim"), (f"{who:<{self._width}} │ ", colour), line), soft_wrap=True
        )
