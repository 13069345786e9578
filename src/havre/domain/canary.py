"""Whether a canary is worse than the release that it is to replace, from what the router counted.

Few requests prove little, and the comparison is made again and again while a canary runs, so a
difference counts when it is beyond doubt at one-sided 99 %:

* *Errors*: the lower bound of the difference of two proportions by Newcombe's hybrid of Wilson's score
  intervals, which holds for small samples and for rates near zero (R. G. Newcombe, "Interval estimation
  for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10).
* *Latency*: "the 95th percentile is above T" means that more than 5 % of the answers took longer than T,
  which is a proportion again: Wilson's lower bound of it has to be above 5 % (the sign test of a
  quantile; E. B. Wilson, "Probable inference", JASA 22, 1927). Nothing is assumed about the
  distribution. T is rounded up to the next limit of the router's histogram, in favour of the canary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

_Z: Final = 2.326
"""Quantile of the normal distribution for one-sided 99 %."""
_QUANTILE: Final = 0.95
LATENCY_FLOOR: Final = 0.05
"""Seconds below which no answer is too slow: the noise of a busy machine is of that size."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a release answered in some time.

    Attributes:
        requests: answers of any status.
        errors: those with a status of 500 and above, the router's own (502 to 504) included.
        within: how many took at most so many seconds, by ascending seconds (a cumulative histogram).
    """

    requests: int = 0
    errors: int = 0
    within: tuple[tuple[float, int], ...] = ()

    def since(self, before: Traffic) -> Traffic:
        """The difference of two readings, one soon after the other.

        Where any counter fell, all began anew: the router restarted, or forgot an earlier canary's.
        """
        earlier, now = dict(before.within), dict(self.within)
        fell = any(now.get(limit, 0) < count for limit, count in earlier.items())
        if fell or self.requests < before.requests or self.errors < before.errors:
            return self
        return Traffic(
            self.requests - before.requests,
            self.errors - before.errors,
            tuple((limit, count - earlier.get(limit, 0)) for limit, count in self.within),
        )

    def plus(self, other: Traffic) -> Traffic:
        """Both together."""
        mine, theirs = dict(self.within), dict(other.within)
        limits = sorted(mine.keys() | theirs.keys())
        return Traffic(
            self.requests + other.requests,
            self.errors + other.errors,
            tuple((limit, mine.get(limit, 0) + theirs.get(limit, 0)) for limit in limits),
        )

    @property
    def error_rate(self) -> float:
        """Share of answers that are errors."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def latency(self) -> float | None:
        """95th percentile in seconds, interpolated within its bucket; None without requests.

        The last bucket has no upper limit: there its lower one is given.
        """
        total = self.within[-1][1] if self.within else 0
        if not total:
            return None
        rank, lower, below = _QUANTILE * total, 0.0, 0
        for limit, count in self.within:
            if count >= rank:
                return lower if limit == inf else lower + (limit - lower) * (rank - below) / (count - below)
            lower, below = limit, count
        return lower

    def slower_than(self, seconds: float) -> tuple[int, int, float]:
        """How many took longer, of how many, and the limit that was really counted by."""
        total = self.within[-1][1] if self.within else 0
        for limit, count in self.within:
            if limit >= seconds:
                return total - count, total, limit
        return 0, total, inf

    def __str__(self) -> str:
        latency = self.latency
        slow = "" if latency is None else f", 95 % within {latency * 1000:.0f} ms"
        return f"{self.requests} requests, {self.error_rate:.1%} errors{slow}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much worse a canary may be.

    Attributes:
        max_error_rate: by how much its share of errors may exceed the other's (0.01: one in 100).
        max_latency: how many times the other's 95th percentile its own may be.
        min_requests: requests that both must have had to be compared.
    """

    max_error_rate: float
    max_latency: float
    min_requests: int


def wilson(hits: int, of: int, z: float = _Z) -> tuple[float, float]:
    """Wilson's score interval of a proportion, each bound at one-sided 99 %; ``of`` is not 0."""
    share, square = hits / of, z * z
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, centre - half), min(1.0, centre + half)


def least_difference(new: Traffic, old: Traffic, z: float = _Z) -> float:
    """By how much the new error rate exceeds the old one at least, at one-sided 99 %."""
    new_low, _ = wilson(new.errors, new.requests, z)
    _, old_high = wilson(old.errors, old.requests, z)
    difference = new.error_rate - old.error_rate
    return difference - sqrt((new.error_rate - new_low) ** 2 + (old_high - old.error_rate) ** 2)


def worse(new: Traffic, old: Traffic, limits: Limits, *, warm: tuple[Traffic, Traffic] | None = None) -> str:
    """Why a canary has to be given up, with both figures; empty if it does not.

    Args:
        new: what the new release answered.
        old: what the old one answered in the same time.
        limits: how much worse the new one may be.
        warm: the same without the new release's first answers, by which its latency is judged: a program
            that was just started is slow. None: all of them.
    """
    if min(new.requests, old.requests) < limits.min_requests:
        return ""
    if least_difference(new, old) > limits.max_error_rate:
        return (
            f"{new.error_rate:.1%} of its {new.requests} answers are errors, of the old release's"
            f" {old.requests} in the same time {old.error_rate:.1%}"
            f" (max_error_rate allows {limits.max_error_rate:.1%} more)"
        )
    new, old = warm or (new, old)
    before, now = old.latency, new.latency
    if before is None or now is None or min(new.requests, old.requests) < limits.min_requests:
        return ""
    slow, total, limit = new.slower_than(max(before * limits.max_latency, LATENCY_FLOOR))
    if total and wilson(slow, total)[0] > 1 - _QUANTILE:
        return (
            f"95 % of its answers came within {now * 1000:.0f} ms, of the old release's in the same time"
            f" within {before * 1000:.0f} ms; {slow / total:.0%} took longer than {limit * 1000:.0f} ms"
            f" (max_latency allows {limits.max_latency:g} times the old one's)"
        )
    return ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Percent of the requests that the new release gets, by service."""

    weights: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        shares = {weight for _, weight in self.weights}
        if len(shares) == 1:
            return f"{shares.pop()} %"
        return ", ".join(f"{name} {weight} %" for name, weight in self.weights)


def stages(weights: dict[str, Sequence[int]]) -> tuple[Stage, ...]:
    """The stages of several services together; one with fewer weights stays at its last."""
    longest = max((len(given) for given in weights.values()), default=0)
    return tuple(
        Stage(tuple((name, given[min(at, len(given) - 1)]) for name, given in sorted(weights.items())))
        for at in range(longest)
    )
