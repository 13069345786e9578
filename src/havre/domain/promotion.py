"""What somebody asks of a canary, and whether it was done already.

A request stays on record and names the stage that it was made at. The stage that the canary is in
says whether it had its effect: nothing is taken away when it is seen, so nothing is lost between
seeing and doing, and asking twice is asking once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROMOTE: Final = "promote"
"""Go to the next stage."""
PROMOTE_FULLY: Final = "promote-fully"
"""Take all requests."""
ABORT: Final = "abort"
"""Be given up."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the default is that nothing was asked.

    Attributes:
        what: one of the words of this module; empty: nothing.
        stage: the stage (from 0) that the canary was in.
    """

    what: str = ""
    stage: int = 0

    def at(self, stage: int) -> str:
        """What is left to do of it at a stage; empty if nothing is."""
        return "" if self.what == PROMOTE and self.stage != stage else self.what

    def then(self, later: Request) -> Request:
        """What holds after another request: giving up outweighs all, all requests outweigh some."""
        weights = ("", PROMOTE, PROMOTE_FULLY, ABORT)
        return later if weights.index(later.what) >= weights.index(self.what) else self


def following(stage: int, stages: int, what: str = "") -> int:
    """The stage after this one, by itself or as asked; ``stages`` when it takes all requests."""
    return stages if what == PROMOTE_FULLY else min(stage + 1, stages)
