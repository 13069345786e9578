"""What is marked in the stream of an environment: operations that change what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from havre.domain.logs.intake import said
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record

MARKED: Final = {
    "deploy": "deployment",
    "rollback": "rollback",
    "restart": "restart",
    "scale": "scaling",
    "apply": "apply",
    "adopt": "adoption",
    "restore": "restore",
    "confirm": "confirmation of a restore",
    "upgrade": "upgrade of a database",
    "rebuild": "rebuild",
    "erase": "erasure",
    "destroy": "destruction",
}
"""Kinds of operation, and what each is called."""


@dataclass(frozen=True)
class Happened:
    """An operation, as far as a log tells of it. Times in nanoseconds of the epoch, 0 where it has not."""

    number: int
    kind: str
    state: str
    actor: str
    began: int
    ended: int
    release: int = 0
    cause: str = ""

    def marks(self) -> list[Record]:
        """Its beginning and its end, each with a key by which it is marked once."""
        name = f"{MARKED.get(self.kind, self.kind)} {self.number}"
        found = []
        if self.began:
            found.append(
                said(f"{name} begins, by {self.actor}", self.began, key=f"operation-{self.number}-begins")
            )
        if self.ended:
            release = f": release {self.release}" if self.release and self.state == "succeeded" else ""
            cause = f": {self.cause}" if self.cause and not release else ""
            took = f" after {(self.ended - self.began) / 1e9:.1f} s" if 0 < self.began <= self.ended else ""
            level = Level.ERROR if self.state == "failed" else Level.INFO
            text = f"{name} {self.state}{took}{release}{cause}"
            found.append(said(text, self.ended, level=level, key=f"operation-{self.number}-ends"))
        return found
