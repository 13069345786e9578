"""Who is told of an incident, and when: silences, reminders, and another try after a failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

_REMIND: Final = timedelta(hours=24)
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_ATTEMPTS: Final = 12
"""Of one delivery, over about seven hours; then it is given up, which can be seen."""


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Word(StrEnum):
    """What is told of an incident."""

    BEGAN = "began"
    REMINDER = "reminder"
    OVER = "over"
    TEST = "test"


@dataclass(frozen=True)
class Silence:
    """A time in which nothing is told of what matches: somebody knows, or works on it.

    Attributes:
        check: pattern of the kind of check: ``disk``, ``http*``, ``*``.
        place: pattern of where: ``shop/production``, ``shop/*``, ``server``, ``*``.
        begins: when it begins; in the future for planned maintenance.
        ends: when it ends.
    """

    check: str
    place: str
    begins: datetime
    ends: datetime

    def covers(self, check: str, place: str, now: datetime) -> bool:
        """Whether it counts for an incident at a moment."""
        return (
            self.begins <= now < self.ends
            and fnmatchcase(check, self.check)
            and fnmatchcase(place, self.place)
        )


@dataclass(frozen=True)
class Incident:
    """As far as telling needs to know it.

    Attributes:
        check: kind of check.
        place: ``PROJECT/ENVIRONMENT``, or ``server``.
        is_over: whether it is.
        is_acknowledged: whether somebody took it on.
        told: what was told last; None if nothing was.
        told_at: when.
    """

    check: str
    place: str
    is_over: bool
    is_acknowledged: bool = False
    told: Word | None = None
    told_at: datetime | None = None


def to_tell(incident: Incident, silences: Iterable[Silence], now: datetime) -> Word | None:
    """What has to be told of it now, if anything.

    What began in silence and still lasts when that ends is told then; what began and ended in it never is.
    The end of what people were told is always told.
    """
    if incident.is_over:
        return Word.OVER if incident.told in {Word.BEGAN, Word.REMINDER} else None
    if any(each.covers(incident.check, incident.place, now) for each in silences):
        return None
    if incident.told is None:
        return Word.BEGAN
    is_due = incident.told_at is None or now - incident.told_at >= _REMIND
    return Word.REMINDER if is_due and not incident.is_acknowledged else None


@dataclass(frozen=True)
class Audience:
    """What a channel wants to hear.

    Attributes:
        place: pattern of where.
        least: the least severity.
    """

    place: str = "*"
    least: Severity = Severity.WARNING

    def hears(self, place: str, severity: Severity) -> bool:
        """Whether an incident is for it."""
        return fnmatchcase(place, self.place) and (
            self.least == Severity.WARNING or severity == Severity.CRITICAL
        )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many failures, each pause twice as long; None: no more."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return now + min(_FIRST_PAUSE * (1 << (attempts - 1)), _LONGEST_PAUSE)
