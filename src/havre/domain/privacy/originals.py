"""What the original holds in protected columns, as hashes: eight bytes per value, never the values.

The hashes are Python's own (SipHash, keyed anew in each process), so they are of no use to anybody else.
Two of a hundred million values meet by chance once in a thousand runs; then the copy is thrown away for
nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from havre.domain.privacy.forms import LOWER, NOT_ALNUM, SHORTEST, compact, of_value, telephone

_PARTS: Final = 256
_SIEVE: Final = 1 << 24


class Originals:
    """Fill it with :meth:`add`, then :meth:`seal` it, then ask."""

    def __init__(self) -> None:
        self._parts = [array("q") for _ in range(_PARTS)]
        self._sieve = bytearray()
        """1 where something may be: most questions end here."""

    def __len__(self) -> int:
        """How many forms it holds."""
        return sum(len(part) for part in self._parts)

    def add(self, values: Iterable[bytes]) -> None:
        """Take in whole values of protected columns (UTF-8)."""
        parts, lower, not_alnum = self._parts, LOWER, NOT_ALNUM
        for value in values:
            # As forms.compact, for the many values that need no more.
            form = value.translate(lower, not_alnum) if value.isascii() else compact(value)
            if len(form) < SHORTEST:
                continue
            hashed = hash(form)
            parts[hashed & 255].append(hashed)
            if form.isdigit():
                telling = telephone(form)
                if telling:
                    hashed = hash(telling)
                    parts[hashed & 255].append(hashed)

    def parts(self) -> list[bytes]:
        """All of it, for :meth:`merge`."""
        return [array("q", set(part)).tobytes() for part in self._parts]

    def merge(self, parts: list[bytes]) -> None:
        """Take in what another process (forked from this one) gathered."""
        for part, more in zip(self._parts, parts, strict=True):
            part.frombytes(more)

    def seal(self) -> None:
        """Make it ready to be asked: no more is added."""
        sieve = self._sieve = bytearray(_SIEVE)
        for position, part in enumerate(self._parts):
            self._parts[position] = array("q", sorted(set(part)))
            for hashed in self._parts[position]:
                sieve[hashed >> 8 & _SIEVE - 1] = 1

    def __contains__(self, form: bytes) -> bool:
        """Whether a form (see ``forms``) is that of an original value."""
        hashed = hash(form)
        if not self._sieve[hashed >> 8 & _SIEVE - 1]:
            return False
        part = self._parts[hashed & 255]
        position = bisect_left(part, hashed)
        return position < len(part) and part[position] == hashed

    def holds(self, value: bytes) -> bool:
        """Whether a whole value (UTF-8) has a form of an original one."""
        return any(form in self for form in of_value(value))

    def suspects(self, values: Iterable[bytes]) -> list[bytes]:
        """Those of many values for which :meth:`holds` may be true; it is for no other."""
        sieve, lower, not_alnum = self._sieve, LOWER, NOT_ALNUM
        found = []
        for value in values:
            form = value.translate(lower, not_alnum) if value.isascii() else compact(value)
            if sieve[hash(form) >> 8 & _SIEVE - 1] or form.isdigit():
                found.append(value)
        return found
