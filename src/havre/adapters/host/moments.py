"""The moment on this machine's clocks."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Final

from havre.domain.moments import Moment

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def now() -> Moment:
    """The moment; ``CLOCK_MONOTONIC``, the steady clock, is the same for every process of a machine."""
    return Moment(time.time(), time.monotonic(), _boot())


@cache
def _boot() -> str:
    """Id of this start of the kernel (random(4)); empty where there is none, as if it never started anew."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
