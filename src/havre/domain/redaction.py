"""Taking known secret values out of text that people read: logs, errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[secret]"
SHORTEST: Final = 6
"""Characters below which a value is left alone: it would be found inside ordinary words."""


class Redactor:
    """Replaces the values it was told, wherever they stand.

    A value of several lines (a key file) is also found line by line, as logs come. Only exact
    occurrences are: a value that was encoded or cut is not known any more.
    """

    def __init__(self) -> None:
        self._words: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, values: Iterable[str]) -> None:
        """From now on, replace these too."""
        words = self._words | {word for value in values for word in _words(value)}
        if words == self._words:
            return
        # The longest first: a value may begin with another one.
        ordered = sorted(words, key=len, reverse=True)
        self._words, self._pattern = words, re.compile("|".join(map(re.escape, ordered)))

    def __call__(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def __repr__(self) -> str:
        return f"Redactor({len(self._words)} values)"


def _words(value: str) -> set[str]:
    words = {value.strip(), *(line.strip() for line in value.splitlines())}
    return {word for word in words if len(word) >= SHORTEST}
