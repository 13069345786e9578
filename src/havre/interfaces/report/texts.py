"""The words of the report in each language, and how times, spans and numbers are written there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

_NARROW: Final = "\u202f"  # between digits and before French punctuation
LANGUAGES: Final = ("en", "fr")


@cache
def _words(language: str) -> Mapping[str, Any]:
    text = Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8")
    # A line never ends before a colon, which French sets apart.
    return tomllib.loads(text.replace(" :", "\u00a0:"))


@dataclass(frozen=True)
class Texts:
    """One language."""

    language: str

    def __getitem__(self, key: str) -> str:
        return str(_words(self.language)[key])

    def say(self, key: str, **values: object) -> str:
        """A sentence with its values."""
        return self[key].format(**values)

    def counted(self, key: str, count: int, **values: object) -> str:
        """The same where one has words of its own, by a key that ends in ``_one``."""
        return self.say(f"{key}_one" if count == 1 else key, count=count, **values)

    def kind(self, kind: str) -> str:
        """A kind of operation."""
        return str(_words(self.language).get(f"kind_{kind}", kind))

    def date(self, at: datetime) -> str:
        """A day: ``20 November 2026``, ``1er mars 2026``."""
        day = "1er" if self.language == "fr" and at.day == 1 else str(at.day)
        return f"{day} {_words(self.language)['months'][at.month - 1]} {at.year}"

    def moment(self, at: datetime) -> str:
        """A day and time, in UTC: ``20 November 2026, 14:32 UTC``, ``20 novembre 2026 à 14 h 32 UTC``."""
        utc = at.astimezone(UTC)
        if self.language == "fr":
            return f"{self.date(utc)} à {utc.hour}{_NARROW}h{_NARROW}{utc.minute:02} UTC"
        return f"{self.date(utc)}, {utc:%H:%M} UTC"

    def short(self, at: datetime) -> str:
        """A day and time for a table: ``2026-11-20 14:32``, ``20/11/2026 14:32``."""
        return (
            f"{at.astimezone(UTC):%d/%m/%Y %H:%M}"
            if self.language == "fr"
            else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
        )

    def span(self, seconds: float) -> str:
        """A span in two units at most: ``2 min 5 s``, ``4 h``, ``3 j 2 h``."""
        if seconds < 1:
            return "0 s"
        whole = round(seconds)
        day = "j" if self.language == "fr" else "d"
        for size, unit, below, small in (
            (86_400, day, 3600, "h"),
            (3600, "h", 60, "min"),
            (60, "min", 1, "s"),
        ):
            if whole >= size:
                rest = whole % size // below
                return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
        return f"{whole} s"

    def number(self, count: int) -> str:
        """A whole number with its thousands apart."""
        return f"{count:,}".replace(",", _NARROW) if self.language == "fr" else f"{count:,}"
