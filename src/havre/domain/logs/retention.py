"""How long logs are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple


class Kept(NamedTuple):
    """A day of the log and the bytes that it takes."""

    day: str
    size: int


def expired(kept: Sequence[Kept], *, today: str, days_kept: int, most_bytes: int) -> list[str]:
    """The days to delete, oldest first.

    Args:
        kept: what there is.
        today: the day that is written to, which always stays.
        days_kept: full days before today.
        most_bytes: what all may take; the oldest days go until it fits.
    """
    oldest = (date.fromisoformat(today) - timedelta(days=days_kept)).isoformat()
    ordered = sorted(kept)
    gone = [each for each in ordered if each.day < oldest]
    total = sum(each.size for each in ordered) - sum(each.size for each in gone)
    for each in ordered[len(gone) :]:
        if total <= most_bytes or each.day >= today:
            break
        gone.append(each)
        total -= each.size
    return [each.day for each in gone]
