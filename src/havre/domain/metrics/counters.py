"""Counters as rates, and histograms as percentiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isinf

_LONGEST = 60.0
"""Seconds between two readings after which no rate is told: it would hide what happened between."""


@dataclass(frozen=True)
class Reading:
    """Counters at a time.

    Attributes:
        at: seconds of a clock that never goes back.
        counts: by name.
    """

    at: float
    counts: Mapping[str, float] = field(default_factory=dict)


def rates(before: Reading | None, now: Reading, *, longest: float = _LONGEST) -> dict[str, float]:
    """Growth a second, by name, of those counters that both readings have.

    A counter that fell began anew at zero, as a process that restarted does: what it shows has grown since.
    """
    if before is None or not 0 < now.at - before.at <= longest:
        return {}
    seconds = now.at - before.at
    return {
        name: (value - earlier if value >= earlier else value) / seconds
        for name, value in now.counts.items()
        if (earlier := before.counts.get(name)) is not None
    }


def growth(before: Mapping[float, float], now: Mapping[float, float]) -> dict[float, float]:
    """Of a cumulative histogram between two readings; where any limit fell, all began anew."""
    if any(now.get(limit, 0) < count for limit, count in before.items()):
        return dict(now)
    return {limit: count - before.get(limit, 0) for limit, count in now.items()}


def percentile(share: float, within: Mapping[float, float]) -> float | None:
    """The value below which a share of what was counted lies; None if nothing was.

    Interpolated within its bucket, as Prometheus' ``histogram_quantile`` does; the last bucket has no upper
    limit: there its lower one is told.

    Args:
        share: from 0 to 1.
        within: how many were at most so much, cumulative.
    """
    limits: Sequence[tuple[float, float]] = sorted(within.items())
    total = limits[-1][1] if limits else 0
    if total <= 0:
        return None
    wanted, lower, below = share * total, 0.0, 0.0
    for limit, count in limits:
        if count >= wanted and count > below:
            return lower if isinf(limit) else lower + (limit - lower) * (wanted - below) / (count - below)
        lower, below = (limit if limit != inf else lower), count
    return lower
