"""Whether the date may be believed: copies are removed by it, and a clock may be set forward by weeks.

The time that passed on the steady clock says how late it can be. A date that is later is not believed until
it stood for some days, in which somebody may notice. So it is after a server was switched off, too: nobody
can tell that from a clock that was set, and nothing is lost by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from havre.domain.moments import Moment

TOLERANCE: Final = 86_400.0
"""Seconds that a date may be too late: what is kept is kept for days."""
HOLD: Final = 7 * 86_400.0
"""Seconds of the steady clock after which a later date is believed."""


@dataclass(frozen=True)
class Belief:
    """What is known of the date.

    Attributes:
        newest: the latest moment that is believed.
        last: the moment that was looked at last.
        held: seconds for which a later date stood; 0 while it is believed.
    """

    newest: Moment
    last: Moment
    held: float = 0.0

    @classmethod
    def stored(cls, facts: Mapping[str, Any]) -> Belief:
        """That of :meth:`facts`.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(Moment(**facts["newest"]), Moment(**facts["last"]), float(facts["held"]))

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def ahead(self) -> float:
        """Seconds by which the date is later than the time that passed says."""
        return _ahead(self.newest, self.last)

    @property
    def doubt(self) -> str:
        """Why nothing is to be removed by the date; empty if it is believed."""
        if self.ahead <= TOLERANCE:
            return ""
        days = timedelta(seconds=self.ahead) // timedelta(days=1)
        left = timedelta(seconds=HOLD - self.held)
        return (
            f"the date of this server went forward by {days} days more than time passed here; no old copy is"
            f" removed until that stood for {HOLD / 86_400:.0f} days ({_in_words(left)} to go) or is right"
        )


def looked(before: Belief | None, now: Moment) -> Belief:
    """What is known after another look at the clocks.

    Args:
        before: what was known; None if nothing was, then the date is believed.
        now: the moment.
    """
    if before is None:
        return Belief(now, now)
    ahead = _ahead(before.newest, now)
    if ahead <= TOLERANCE:
        # A clock that was set back is no reason to doubt it when it is set right.
        return Belief(now if ahead >= 0 else before.newest, now)
    is_same = before.last.boot == now.boot
    spent = now.steady - before.last.steady if is_same else 0.0
    was_moved = is_same and now.wall - before.last.wall - spent > TOLERANCE
    held = 0.0 if was_moved else before.held + max(0.0, spent)
    return Belief(now, now) if held >= HOLD else Belief(before.newest, now, held)


def _ahead(newest: Moment, now: Moment) -> float:
    passed = now.steady - newest.steady if newest.boot == now.boot else 0.0
    return now.wall - newest.wall - max(0.0, passed)


def _in_words(left: timedelta) -> str:
    days = left // timedelta(days=1)
    return f"{days} days" if days else f"{left // timedelta(hours=1)} hours"
