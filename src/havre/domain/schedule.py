"""When a scheduled command is due, and what becomes of a due run: pure decisions about moments.

The expressions are those of crontab(5) with five fields, or ``@hourly`` and the like. What cron
implementations disagree about is decided here:

* Days of the week are 0 to 7 (0 and 7 are Sunday) or names.
* An expression that restricts both the day of the month and that of the week is refused: crontab(5)
  means "either of them", most who write it mean "both".
* Where clocks are set forward, a run whose time does not exist is due at the same moment it would be
  without the change: 02:30 becomes 03:30. Where they are set back, a run at a named hour is due the
  first time only, one of every hour each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

GRACE_LONGEST: Final = timedelta(minutes=5)
"""How late a run may begin that was missed, while Havre was down for example."""

_MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS: Final = 5
_NAMES: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WEEKDAY: Final = re.compile(r"(\*|[0-7]|[a-z]{3})(?:-([0-7]|[a-z]{3}))?(?:/([1-9][0-9]?))?")
_COUNTED: Final = timedelta(days=2)
_HORIZON: Final = timedelta(days=5 * 366)


class Overlap(StrEnum):
    """What becomes of a run that is due while the one before still runs."""

    SKIP = "skip"
    QUEUE = "queue"
    REPLACE = "replace"


@dataclass(frozen=True)
class Schedule:
    """A cron expression in a time zone (a name of the IANA database).

    Raises:
        ValueError: the expression or the zone is not one; the text says what is wrong.
    """

    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _trigger(self.expression, self.timezone)

    def after(self, moment: datetime) -> datetime | None:
        """The next time that it is due after a moment, in UTC; None if it never is again."""
        trigger, names_hours = _trigger(self.expression, self.timezone)
        zone = ZoneInfo(self.timezone)
        at = moment.astimezone(UTC)
        while True:
            # Counted in UTC: in local time the sum would forget which of two equal hours it is in.
            begin = (at + timedelta(microseconds=1)).astimezone(zone)
            found = trigger.get_next_fire_time(None, begin)
            if found is None:
                return None
            if not (names_hours and found.fold and _is_ambiguous(found)):
                return found.astimezone(UTC)  # type: ignore[no-any-return] # the library has no types
            at = found.astimezone(UTC)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every time that it is due after one moment, up to and including another."""
        moment = self.after(after)
        while moment is not None and moment <= until:
            yield moment
            moment = self.after(moment)

    def last_before(self, after: datetime, until: datetime) -> tuple[datetime | None, int]:
        """The last time that it was due in a span, and how often in all.

        Of a long span only the last two days are counted, unless it was not due in them: counting
        the minutes of years would take as long.
        """
        recent = list(self.between(max(after, until - _COUNTED), until))
        found = recent or list(self.between(after, until))
        return (found[-1], len(found)) if found else (None, 0)

    @property
    def grace(self) -> timedelta:
        """How late a run may begin: half the time to the next, at most five minutes."""
        first = self.after(datetime(2026, 1, 1, tzinfo=UTC))
        second = self.after(first) if first else None
        return min(GRACE_LONGEST, (second - first) / 2) if first and second else GRACE_LONGEST


def _is_ambiguous(moment: datetime) -> bool:
    """Whether a local time comes twice, because clocks are set back."""
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


@lru_cache(maxsize=256)
def _trigger(expression: str, timezone: str) -> tuple[CronTrigger, bool]:
    """The library's trigger, and whether it is for named hours."""
    fields = _MACROS.get(expression.strip().lower(), expression).split()
    if len(fields) != _FIELDS:
        raise ValueError(f"it has {len(fields)} fields, not five: minute, hour, day, month, day of the week")
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    if day != "*" and weekday != "*":
        raise ValueError("it restricts both the day of the month and the day of the week")
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{timezone} is not a time zone") from error
    try:
        trigger = CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_weekdays(weekday),
            timezone=zone,
        )
    except (ValueError, TypeError) as error:
        raise ValueError(str(error)) from error
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    found = trigger.get_next_fire_time(None, moment)
    if found is None or found - moment > _HORIZON:
        raise ValueError("no day meets it")
    return trigger, not hour.startswith("*")


def _weekdays(field: str) -> str:
    """The days of a field by their names, for the library counts them from Monday."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.split(","):
        found = _WEEKDAY.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r} is not a day of the week: write 0 to 7, or sun to sat")
        first, last, step = found.groups()
        if first == "*":
            begin, end = 0, 6
        else:
            begin = _day(first)
            end = _day(last) if last else begin if not step else 6
            if last and end < begin:
                end += 7  # fri-mon; and 5-7, where 7 is Sunday again
        days |= {day % 7 for day in range(begin, end + 1, int(step or 1))}
    return ",".join(_NAMES[day] for day in sorted(days))


def _day(text: str) -> int:
    if text.isdigit():
        return int(text)
    if text not in _NAMES:
        raise ValueError(f"{text!r} is not a day of the week: write 0 to 7, or sun to sat")
    return _NAMES.index(text)


# What becomes of it


class Action(StrEnum):
    """What is done about a run that is due."""

    RUN = "run"
    WAIT = "wait"
    REPLACE = "replace"
    SKIP = "skip"
    MISSED = "missed"


@dataclass(frozen=True)
class Due:
    """A run that was due: what is done about it, and why in words, if that is not plain."""

    at: datetime
    action: Action
    why: str = ""


def decide(
    schedule: Schedule,
    *,
    overlap: Overlap,
    looked: datetime,
    now: datetime,
    is_running: bool,
    is_waiting: bool,
) -> Due | None:
    """What is to be done now about one job; None if nothing.

    However long nobody looked, at most one run begins: there is never a burst.

    Args:
        schedule: when it is due.
        overlap: what is done while the run before still runs.
        looked: until when everything was decided already.
        now: the moment.
        is_running: whether a run of this job is under way.
        is_waiting: whether one waits for that already.
    """
    if looked >= now:
        return None
    last, count = schedule.last_before(looked, now)
    if last is None:
        return None
    late = now - last
    if late > schedule.grace:
        return Due(last, Action.MISSED, _missed(count, late))
    action, why = Action.RUN, ""
    if is_running or is_waiting:
        action, why = _beside(overlap, is_waiting=is_waiting)
    missed = f"{count - 1} before it were missed" if count > 1 else ""
    return Due(last, action, "; ".join(words for words in (why, missed) if words))


def _beside(overlap: Overlap, *, is_waiting: bool) -> tuple[Action, str]:
    """What becomes of a run while one is under way or waits."""
    if overlap is Overlap.REPLACE:
        return Action.REPLACE, ""
    if overlap is Overlap.SKIP:
        return Action.SKIP, "the run before still ran"
    return (Action.SKIP, "a run waited already") if is_waiting else (Action.WAIT, "")


def _missed(count: int, late: timedelta) -> str:
    times = f"{count} times, last " if count > 1 else ""
    return f"nobody looked: due {times}{_rough(late)} ago"


def _rough(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"{minutes} minutes"
    hours = minutes // 60
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004 - two days


def next_look(schedules: Sequence[Schedule], now: datetime, *, at_most: timedelta) -> timedelta:
    """How long nothing is due."""
    coming = [due for schedule in schedules if (due := schedule.after(now))]
    return max(min([at_most, *(due - now for due in coming)]), timedelta(0))
