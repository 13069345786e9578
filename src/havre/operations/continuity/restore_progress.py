"""How far the files of a restore are, asked of the running database beside which it is made."""

from __future__ import annotations

import time
from typing import Final

from havre.domain.continuity import progress
from havre.errors import HavreError
from havre.operations.continuity.database import Database

_PAUSE: Final = 2.0  # seconds between looks


class RestoreProgress:
    """Told in bytes with an estimate, while the files come; then that the WAL is replayed.

    Args:
        database: the present one; where it does not run nothing is told.
        folder: what is restored into.
        total: bytes that it will have.
    """

    def __init__(self, database: Database, folder: str, total: int) -> None:
        self._database = database
        self._folder = folder
        self._total = total
        self._began = time.monotonic()
        self._looked = self._began
        self._first: int | None = None

    def tell(self) -> None:
        """Look, unless that was a moment ago."""
        now = time.monotonic()
        if now - self._looked < _PAUSE:
            return
        self._looked = now
        try:
            if not self._database.container:
                return
            told = self._told(now)
        except HavreError:
            return  # it was stopped in this moment; nothing depends on it
        if told:
            self._database.run.tell(told)

    def _told(self, now: float) -> str:
        if self._database.ask("test", "-e", f"{self._folder}/postmaster.pid").is_good:
            return "the files are there; replaying the WAL"
        size = self._database.ask("du", "--summarize", "--block-size=1", self._folder).out.split()
        if not size or not size[0].isdigit():
            return ""
        done = int(size[0])
        if self._first is None:  # a worker before this one may have begun
            self._first, self._began = done, now
        return progress.told(done, self._total, now - self._began, before=self._first)
