"""Reading the log of an environment: pages, one line, everything, and what comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from havre.adapters.logs.reader import LogReader, all_pages
from havre.adapters.logs.writer import Stored
from havre.domain.logs import levels
from havre.domain.logs.intake import HAVRE
from havre.domain.logs.levels import Level
from havre.domain.logs.question import ALL_LEVELS, Cursor, Line, Page, Question, cursor
from havre.domain.logs.record import LineId, line_id
from havre.domain.logs.sources import of_environment, source_of
from havre.domain.logs.words import Sought, terms_of
from havre.errors import UsageError
from havre.operations.live_log import LiveLog
from havre.records import queries

_A_PAGE: Final = 1000
_PATIENCE: Final = 0.5  # seconds between looks whether the reader has gone
_MICRO: Final = 1_000_000


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, as it came.

    Args:
        project: with ``environment``, whose log.
        environment: see ``project``.
        services: only these; what Havre says of the environment is always there.
        since: seconds of the epoch.
        until: seconds of the epoch.
        level: the least level, by name.
        text: words, see :mod:`havre.domain.logs.words`.
        grep: a regular expression.
    """

    project: str
    environment: str
    services: Sequence[str] = ()
    since: float | None = None
    until: float | None = None
    level: str | None = None
    text: str | None = None
    grep: str | None = None

    def question(self) -> Question:
        """It as the store is asked.

        Raises:
            UsageError: a part of it means nothing.
        """
        return Question(
            choose=self._choose,
            levels=self._levels(),
            since=int((self.since or 0) * _MICRO),
            until=int(self.until * _MICRO) if self.until is not None else Question.until,
            sought=self._sought(),
        )

    def _choose(self, known: Iterable[str]) -> Iterable[str]:
        return of_environment(known, self.project, self.environment, self.services)

    def accepts(self, source: str) -> bool:
        """Whether lines of a source are asked for."""
        return bool(of_environment([source], self.project, self.environment, self.services))

    def _levels(self) -> int:
        try:
            return levels.at_least(levels.by_name(self.level)) if self.level else ALL_LEVELS
        except ValueError as error:
            raise UsageError(str(error)) from error

    def _sought(self) -> Sought:
        try:
            terms = terms_of(self.text or "")
        except ValueError as error:
            raise UsageError(str(error)) from error
        try:
            return Sought(terms, self.grep or "")
        except ValueError as error:
            raise UsageError(f"--grep {self.grep!r} is not a regular expression: {error}") from error


def page(
    folder: Path, asked: Asked, *, before: str = "", after: str = "", limit: int = 100
) -> dict[str, Any]:
    """One page, the newest unless ``before`` or ``after`` says where.

    Returns:
        ``{"lines", "older", "newer", "looked_until"}``; the lines oldest first, those of JSON with their
        ``message`` and ``fields``, the places as texts or None,
        and the time up to which was looked if it took too long to look at everything.

    Raises:
        UsageError: no such environment or service; a part of the question means nothing.
    """
    reader = _reader(folder, asked)
    try:
        question = replace(
            asked.question(),
            before=cursor(before) if before else None,
            after=cursor(after) if after else None,
            limit=limit,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    return _told(reader.page(question))


def line(folder: Path, project: str, environment: str, wanted: str, *, around: int = 0) -> dict[str, Any]:
    """One line by its id, and as many of the environment before and after it as asked for.

    Returns:
        A page as :func:`page` gives it, with the key ``id`` of the line in the middle.

    Raises:
        UsageError: there is no such line, or it is not one of this environment.
    """
    asked = Asked(project, environment)
    reader = _reader(folder, asked)
    try:
        found = reader.line(line_id(wanted))
    except ValueError as error:
        raise UsageError(str(error)) from error
    if found is None or not asked.accepts(found.source):
        raise UsageError(
            f"{project}/{environment} has no line {wanted} in its log",
            hint="lines are kept for as long as the setting logs_days says, and while there is room for them",
        )
    before = replace(asked.question(), before=found.cursor, limit=around)
    after = replace(asked.question(), after=found.cursor, limit=around)
    older, newer = reader.page(before), reader.page(after)
    lines = (*older.lines, found, *newer.lines)
    around_it = Page(lines, lines[0].cursor, lines[-1].cursor)
    return {"id": wanted, **_told(around_it)}


def rows(
    folder: Path,
    asked: Asked,
    *,
    tail: int | None = None,
    after: str = "",
    live: LiveLog | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[dict[str, Any]]:
    """Lines oldest first: the last ``tail``, or all; then, with ``live``, those that come, until ``stopped``.

    With the id of a line in ``after``, those after it, unless it is not kept any more.

    Raises:
        UsageError: no such environment or service; a part of the question means nothing.
    """
    reader = _reader(folder, asked)
    question = asked.question()
    last = _known(reader, after)
    if last is not None:
        question, tail = replace(question, after=last.cursor), None
    if live is None:
        yield from map(row_of, _history(reader, question, tail))
        return
    with live.following(asked.accepts) as following:
        newest = {last.id[:2]: last.id.number} if last else {}
        for found in _history(reader, question, tail):
            newest[found.id[:2]] = max(found.id.number, newest.get(found.id[:2], 0))
            yield row_of(found)
        while not stopped():
            came, missed = following.take(_PATIENCE)
            if missed:
                yield _missed(missed)
            for stored in came:
                is_new = stored.id.number > newest.get(stored.id[:2], 0)
                if is_new and _is_wanted(question, stored):
                    yield row_of(_line_of(stored))


def _known(reader: LogReader, wanted: str) -> Line | None:
    try:
        return reader.line(line_id(wanted)) if wanted else None
    except ValueError:
        return None  # of another server, or of nobody: as if nothing had been said


def _history(reader: LogReader, question: Question, tail: int | None) -> Iterator[Line]:
    if tail is None:
        begin = question.after or Cursor(question.since, 0, 0)
        yield from all_pages(reader, replace(question, after=begin, limit=_A_PAGE))
        return
    pages: list[Sequence[Line]] = []
    left, asked = tail, question
    while left > 0:
        found = reader.page(replace(asked, limit=left))
        pages.append(found.lines)
        left -= len(found.lines)
        if found.older is None:
            break
        asked = replace(asked, before=found.older)
    for lines in reversed(pages):
        yield from lines


def _is_wanted(question: Question, stored: Stored) -> bool:
    record = stored.record
    at = record.at // 1000
    return bool(
        question.since <= at < question.until
        and (question.levels >> record.level) & 1
        and question.sought.found_in(record.text)
    )


def _line_of(stored: Stored) -> Line:
    record = stored.record
    return Line(
        stored.id,
        record.at // 1000,
        stored.source,
        record.level,
        record.release,
        record.task,
        record.stream,
        record.text,
    )


def _reader(folder: Path, asked: Asked) -> LogReader:
    """A reader, if there is such an environment and it has these services."""
    row = queries.environment_named(asked.project, asked.environment)
    reader = LogReader(folder)
    declared = set(row.current_release.spec.get("services", {})) if row.current_release else set()
    if set(asked.services) - declared:
        wrote = {
            source_of(name).service
            for name in of_environment(reader.sources(), asked.project, asked.environment)
        }
        known = (wrote | declared) - {""}
        unknown = sorted(set(asked.services) - known)
        if unknown:
            raise UsageError(
                f"{asked.project}/{asked.environment} has no service {', '.join(unknown)}",
                hint=f"it has {', '.join(sorted(known)) or 'none'}",
            )
    return reader


def row_of(found: Line) -> dict[str, Any]:
    """A line as interfaces show it."""
    at = datetime.fromtimestamp(found.at // _MICRO, UTC).replace(microsecond=found.at % _MICRO)
    return {
        "id": str(found.id),
        "at": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "service": source_of(found.source).service,
        "release": str(found.release or ""),
        "task": "" if found.stream == HAVRE else found.task,
        "stream": found.stream,
        "level": found.level.name.lower() if found.level else "",
        "line": found.text,
    }


def _parsed(found: Line) -> dict[str, Any]:
    fields = found.fields
    return {**row_of(found), "message": found.message if fields else None, "fields": fields or None}


def _missed(count: int) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp() * _MICRO)
    text = f"{count:,} lines left out here: they came faster than they were read; the log itself has them"
    said = Line(LineId("00000000", 0, 0), now, "//", Level.WARN, 0, "", HAVRE, text)
    return {**row_of(said), "id": ""}


def _told(found: Page) -> dict[str, Any]:
    until = found.looked_until
    return {
        "lines": [_parsed(each) for each in found.lines],
        "older": str(found.older) if found.older else None,
        "newer": str(found.newer) if found.newer else None,
        "looked_until": datetime.fromtimestamp(until / _MICRO, UTC).isoformat()
        if until is not None
        else None,
    }
