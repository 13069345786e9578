"""The state machine of everything that is watched: one alert for each incident, and one for its end.

A check looks again and again; each look is good, bad, or unknown (who should know did not answer). What is
bad for long enough is an incident, and one that is good for long enough is over. What comes again soon after
is the same thing that flaps: the good has to last longer each time, so it is told less often and not more.

::

          bad                  bad for `patience`
    OK ---------> PENDING --------------------------> FIRING <---------+
     ^  <---------          good                        |               |
     |                                             good |               | bad
     |              good for `settle`, doubled          v               |
     +---------------- for each flap ------------- RECOVERING ----------+
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

_WINDOW: Final = timedelta(hours=1)
"""What began again in this time after it was better flaps."""
_MOST_DOUBLED: Final = 5
FLAPPING: Final = 3
"""Flaps within the window from which on people are told that it flaps."""


class Phase(StrEnum):
    """Where something that is watched stands."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class Change(StrEnum):
    """What a look changed for people."""

    BEGAN = "began"
    OVER = "over"


@dataclass(frozen=True)
class Patience:
    """How long something has to last.

    Attributes:
        bad: until it is an incident; 0 for what is one at once, as a failed deployment.
        good: until an incident is over.
        is_doubled: whether the good has to last longer with each flap; not for what has its own patience.
    """

    bad: timedelta = timedelta()
    good: timedelta = timedelta()
    is_doubled: bool = True


@dataclass(frozen=True)
class State:
    """What is remembered of something between two looks.

    Attributes:
        phase: where it stands.
        since: when it came there; None before the first look.
        flaps: when it became bad again, the newest last.
        ended: when the last incident was over.
    """

    phase: Phase = Phase.OK
    since: datetime | None = None
    flaps: tuple[datetime, ...] = ()
    ended: datetime | None = None

    @property
    def is_incident(self) -> bool:
        """Whether there is an incident now."""
        return self.phase in {Phase.FIRING, Phase.RECOVERING}

    @property
    def is_flapping(self) -> bool:
        """Whether it comes and goes."""
        return len(self.flaps) >= FLAPPING

    @staticmethod
    def stored(data: Mapping[str, Any]) -> State:
        """From JSON."""
        return State(
            Phase(data.get("phase", Phase.OK)),
            _moment(data.get("since")),
            tuple(datetime.fromisoformat(each) for each in data.get("flaps") or ()),
            _moment(data.get("ended")),
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "phase": self.phase.value,
            "since": self.since.isoformat() if self.since else None,
            "flaps": [each.isoformat() for each in self.flaps],
            "ended": self.ended.isoformat() if self.ended else None,
        }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def look(  # noqa: PLR0911 - one for each arrow of the picture
    before: State, *, is_bad: bool | None, patience: Patience, now: datetime
) -> tuple[State, Change | None]:
    """The state after a look, and what people have to know.

    Args:
        before: what is remembered.
        is_bad: what was seen; None if it is unknown, which changes nothing.
        patience: of this check.
        now: the time of the look.
    """
    state = replace(before, flaps=tuple(each for each in before.flaps if now - each < _WINDOW))
    if is_bad is None:
        return state, None
    since = state.since or now
    lasted = now - since
    match state.phase, is_bad:
        case Phase.OK, True:
            return _began_or_pending(state, patience, now)
        case Phase.PENDING, True if lasted >= patience.bad:
            return _begun(state, now)
        case Phase.PENDING, False:
            return replace(state, phase=Phase.OK, since=now), None
        case Phase.FIRING, False:
            if not _settle(state, patience):
                return _over(state, now)
            return replace(state, phase=Phase.RECOVERING, since=now), None
        case Phase.RECOVERING, True:
            return replace(state, phase=Phase.FIRING, since=now, flaps=(*state.flaps, now)), None
        case Phase.RECOVERING, False if lasted >= _settle(state, patience):
            return _over(state, now)
    return replace(state, since=since), None


def _began_or_pending(state: State, patience: Patience, now: datetime) -> tuple[State, Change | None]:
    if not patience.bad:
        return _begun(state, now)
    return replace(state, phase=Phase.PENDING, since=now), None


def _begun(state: State, now: datetime) -> tuple[State, Change]:
    is_again = state.ended is not None and now - state.ended < _WINDOW
    flaps = (*state.flaps, now) if is_again else state.flaps
    return replace(state, phase=Phase.FIRING, since=now, flaps=flaps), Change.BEGAN


def _over(state: State, now: datetime) -> tuple[State, Change]:
    return replace(state, phase=Phase.OK, since=now, ended=now), Change.OVER


def _settle(state: State, patience: Patience) -> timedelta:
    """How long the good has to last: longer with each flap, for what happens at once too."""
    flaps = min(len(state.flaps), _MOST_DOUBLED)
    if not flaps or not patience.is_doubled:
        return patience.good
    return max(patience.good, timedelta(minutes=1)) * (1 << flaps)


def is_beyond(value: float | None, *, enter: float, leave: float, was: bool) -> bool | None:
    """Hysteresis of a figure that is bad when it is high: good again only below a lower limit.

    Args:
        value: the figure; None if it is unknown.
        enter: at which it becomes bad.
        leave: below which it is good again; at most ``enter``.
        was: whether it was bad at the last look.
    """
    if value is None:
        return None
    return value >= (leave if was else enter)
