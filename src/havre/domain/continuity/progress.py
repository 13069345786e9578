"""How far something long is, in words: bytes, and the time that is left if it goes on so."""

from __future__ import annotations

from typing import Final

_MEGABYTE: Final = 1e6
_SOONEST: Final = 3.0
"""Seconds after which what was seen says something about the rest."""
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


def told(done: int, total: int, seconds: float, *, before: int = 0) -> str:
    """``120 of 400 MB, about 2 min more``.

    Args:
        done: bytes.
        total: bytes in all; 0 if that is not known.
        seconds: since it began.
        before: bytes that were done when the seconds began.
    """
    if not total:
        return f"{done / _MEGABYTE:.0f} MB"
    done = min(done, total)
    words = f"{done / _MEGABYTE:.0f} of {total / _MEGABYTE:.0f} MB"
    if done <= before or done == total or seconds < _SOONEST:
        return words
    return f"{words}, about {_span(seconds / (done - before) * (total - done))} more"


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} h"
