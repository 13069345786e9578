"""Programs that must not outlive the process that started them, however that ends."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import lru_cache


def ending_with_us(command: Sequence[str]) -> list[str]:
    """The command, changed so that the kernel sends it SIGTERM when the thread that starts it is gone.

    A worker that is killed cannot end its ``git`` and ``docker build`` any more; the next worker starts
    them anew. By setpriv(1) of util-linux, which every Debian has, rather than by code between fork and
    exec, which is not safe beside threads. Without setpriv the command is left as it is.
    """
    program = _setpriv()
    return [program, "--pdeathsig", "TERM", "--", *command] if program else list(command)


@lru_cache(maxsize=1)
def _setpriv() -> str | None:
    return shutil.which("setpriv", path="/usr/bin:/bin")
