"""The stream: WAL of segments that are not archived yet, sent off-site every few seconds.

It serves an objective below a minute, for which PostgreSQL would have to complete, and the archive to take, a
segment of 16 MB every few seconds. ``images/postgres/stream.pl`` sends and brings back; here is how often,
and what its word about itself means.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

SLOWEST: Final = 60.0
"""An RPO in seconds from which on the archive alone is quick enough."""
_SHARE: Final = 3
"""Of the RPO: what is sent at its end still has to get there, and may have to be sent a second time."""
LATE: Final = 30.0
"""Seconds without success that deserve attention: with the watch's pauses, it is told within a minute."""


def interval(rpo: float, *, has_storage: bool) -> float | None:
    """Seconds between two sendings; None where nothing is streamed.

    Args:
        rpo: the objective, in seconds.
        has_storage: whether there is an off-site storage: within this server nothing is gained.
    """
    return round(rpo / _SHARE, 1) if has_storage and rpo < SLOWEST else None


@dataclass(frozen=True)
class Streaming:
    """What the stream says of itself.

    Attributes:
        age: seconds since everything was off-site that had been written; None if nothing was sent yet.
        silent: the same, or the seconds since it was started; None if it was not.
        problem: why the last sending failed; empty if it did not.
    """

    age: float | None = None
    silent: float | None = None
    problem: str = ""

    @staticmethod
    def read(text: str) -> Streaming:
        """What ``havre-stream state`` printed.

        Raises:
            ValueError: it is something else.
        """
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("not an object")  # noqa: TRY004 - about a text, not about a type
        return Streaming(found.get("age"), found.get("silent"), str(found.get("problem", "")))

    @property
    def is_late(self) -> bool:
        """Whether somebody should look after it."""
        return self.silent is None or self.silent > LATE

    @property
    def trouble(self) -> str:
        """What is wrong, as people read it; empty where nothing is for long."""
        if not self.is_late:
            return ""
        told = "WAL is not streamed" + ("" if self.silent is None else f" for {self.silent:.0f} s")
        cause = f": {self.problem}" if self.problem else ""
        return f"{told}{cause}; a loss of this server would lose more than `rpo` allows"
