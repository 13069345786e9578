"""What to do where a repository of the archive does not open: make it, wait, clear what is unfinished.

``restic init`` (0.18) writes a file below ``keys/`` first and ``config`` last. Who is killed in between
leaves a key alone, and with one there no other ``init`` begins ("repository already contains keys").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from havre.domain.continuity.archive import NO_REPOSITORY, is_foreign

MADE_WITHIN: Final = 40
"""Seconds after which who makes a repository is stopped: one that is unfinished for longer stays so."""
SET_ASIDE: Final = "set-aside"
"""Folder of the local repository for what was there before it; restic does not look into it."""

_UNFINISHED: Final = re.compile(r"keys/|config-tmp-\d+$")
_BEGUN: Final = re.compile(r"already contains keys|already initialized|config file already exists")


class Next(StrEnum):
    """What to do next."""

    USE = "use"
    MAKE = "make"
    WAIT = "wait"
    CLEAR = "clear"
    SET_ASIDE = "set aside"
    REFUSE = "refuse"


def is_begun(said: str) -> bool:
    """Whether ``restic init`` did not begin because somebody else had."""
    return bool(_BEGUN.search(said))


def next_step(code: int, said: str, files: Iterable[str] | None, *, is_local: bool, waited: float) -> Next:
    """What to do after restic was asked for the repository's settings.

    Without settings nothing reads what a repository holds. Off-site it is left to people nevertheless: a
    storage may list less than it has. Here it is moved aside, which loses nothing.

    Args:
        code: restic's exit code.
        said: what it said.
        files: what is at the place, relative to it; None where nobody can tell.
        is_local: whether that is on this server.
        waited: seconds for which it was unfinished, and nobody finished it.
    """
    if code == 0:
        return Next.USE
    if code != NO_REPOSITORY:
        return Next.SET_ASIDE if is_local and is_foreign(code, said) else Next.REFUSE
    found = list(files or ())
    if not found:
        return Next.MAKE
    if all(_UNFINISHED.match(name) for name in found):
        return Next.CLEAR if waited > MADE_WITHIN else Next.WAIT
    return Next.SET_ASIDE if is_local else Next.REFUSE


def aside(now: datetime) -> str:
    """Folder for what is set aside now, relative to the repository."""
    return f"{SET_ASIDE}/{now:%Y%m%dT%H%M%S}"
