"""Which lines of a flood are kept: a fair share for each source, and a word about the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

TELL_EVERY: Final = 5.0
"""Seconds between two notices about lines that were left out."""
LEAST_RATE: Final = 10.0
"""Lines a second that a source keeps even when its share of the day's disk is used up."""
_A_LINE: Final = 60.0
"""Bytes of disk that a line takes before anything is known: compressed, with its part of the index."""


def fair_shares(wanted: Mapping[str, float], total: float) -> dict[str, float]:
    """How many lines a second each source may have, so that small ones get all they want (max-min fair).

    Args:
        wanted: lines a second that each wrote lately.
        total: what all may have together.
    """
    shares: dict[str, float] = {}
    left = total
    ordered = sorted(wanted, key=lambda name: (wanted[name], name))
    for place, name in enumerate(ordered):
        shares[name] = min(wanted[name], left / (len(ordered) - place))
        left -= shares[name]
    return shares


def rates(wanted: Mapping[str, float], base: Mapping[str, float], total: float) -> dict[str, float]:
    """The rate of each source: its base, or its fair share where all together want more than there is.

    Args:
        wanted: lines a second that each wrote lately.
        base: lines a second that each may have by itself.
        total: what all may have together.
    """
    asked = {source: min(wanted[source], base[source]) for source in wanted}
    shares = fair_shares(asked, total)
    return {source: base[source] if shares[source] >= asked[source] else shares[source] for source in wanted}


def rate_within(
    quota: int, used: int, seconds_left: float, rate: float, bytes_a_line: float = _A_LINE
) -> float:
    """Lines a second with which a source stays within its bytes of the day.

    The first half of the quota is taken at full rate; then what is left has to do for the rest of the day.
    """
    if quota <= 0 or used * 2 < quota:
        return rate
    affordable = max(0, quota - used) / max(bytes_a_line, 1.0) / max(seconds_left, 1.0)
    return max(LEAST_RATE, min(rate, affordable))


@dataclass(slots=True)
class Meter:
    """Counts the lines of one source and says how many of the next ones are kept.

    A bucket of ``burst`` lines that fills with ``rate`` a second: a start-up that writes much at once is
    kept whole, a flood is thinned out evenly over its time.

    Args:
        rate: lines a second.
        burst: lines that may come at once.
    """

    rate: float
    burst: float
    _tokens: float = field(default=-1.0)
    _looked: float = 0.0
    _left_out: int = 0
    _since: float = 0.0
    _told: float = -inf
    seen: int = 0
    """Lines that came since somebody set this to 0."""

    def admit(self, now: float, lines: int) -> int:
        """How many of these lines are kept.

        Args:
            now: seconds of a steady clock.
            lines: how many came.
        """
        if self._tokens < 0:
            self._tokens, self._looked = self.burst, now
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._looked) * self.rate)
        self._looked = now
        self.seen += lines
        kept = min(lines, int(self._tokens))
        self._tokens -= kept
        self.leave_out(now, lines - kept)
        return kept

    def leave_out(self, now: float, lines: int) -> None:
        """Note that lines are not kept."""
        if lines <= 0:
            return
        if not self._left_out:
            self._since = now
            self._told = max(self._told, now - TELL_EVERY + 1.0)  # the first word soon
        self._left_out += lines

    def notice(self, now: float, *, at_once: bool = False) -> str:
        """What to say in the stream about lines left out; empty if there is nothing to say now."""
        if not self._left_out or (now - self._told < TELL_EVERY and not at_once):
            return ""
        text = (
            f"{self._left_out:,} lines left out within {max(now - self._since, 0.1):.1f} s: more came than"
            f" the {self.rate:,.0f} a second that are kept"
        )
        self._left_out, self._told = 0, now
        return text


@dataclass(frozen=True)
class Jump:
    """Reading is too far behind: go on with what is written now."""

    seconds: float


def when_behind(newest: float, now: float, *, is_thinning: bool, patience: float = 10.0) -> Jump | None:
    """Whether to skip what was written meanwhile.

    Args:
        newest: seconds of the epoch of the last line that was read.
        now: seconds of the epoch.
        is_thinning: whether lines are left out anyway; without that, everything is read, however late.
        patience: seconds.
    """
    late = now - newest
    return Jump(late) if is_thinning and late > patience else None
