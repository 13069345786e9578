"""Which share of an environment's requests goes to a release that is not (yet) the live one.

Stored with the environment, so that routes are written from the records as ever: whoever writes them
next, a worker that was just started included, gives each release what it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Shift:
    """Two releases at once.

    Attributes:
        release: number of the one that stands beside the live one.
        weights: by service, the percent of requests that it gets; None: by its number of tasks.
        sticky: services whose browsers stay at the release that they met first.
        leaving: ids of tasks, of either release, that get no new requests because they are about to
            be stopped.
    """

    release: int
    weights: Mapping[str, int | None] = field(default_factory=dict)
    sticky: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self | None:
        """From the environment's record; None if one release has all requests."""
        if not stored:
            return None
        return cls(
            release=int(stored["release"]),
            weights=dict(stored["weights"]),
            sticky=frozenset(stored["sticky"]),
            leaving=frozenset(stored["leaving"]),
        )

    def stored(self) -> dict[str, Any]:
        """For the environment's record."""
        return {
            "release": self.release,
            "weights": dict(self.weights),
            "sticky": sorted(self.sticky),
            "leaving": sorted(self.leaving),
        }

    def weighing(self, weights: Mapping[str, int | None], *, sticky: frozenset[str] = frozenset()) -> Self:
        """The same with these weights; other services keep theirs."""
        return replace(self, weights={**self.weights, **weights}, sticky=self.sticky | sticky)

    def without(self, tasks: frozenset[str]) -> Self:
        """The same with these tasks, and no others, about to be stopped."""
        return replace(self, leaving=tasks)
