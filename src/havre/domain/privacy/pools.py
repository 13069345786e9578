"""Pools of made-up values, from which a keyed hash chooses.

Faker knows what names, streets and companies look like in a locale, but takes 70 µs for a row and 15 times
what a choice takes. So it fills a pool once. No value of a pool is one that the original holds: else nobody
could tell a leak from a coincidence. Where that leaves too few, made-up syllables take their place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

from havre.errors import UsageError

if TYPE_CHECKING:
    from faker import Faker

SIZE: Final = 4096
FEWEST: Final = 128
"""Values below which a pool is filled up with made-up ones."""

_TRIES: Final = 8192
_SEED: Final = 20260101
_SYLLABLES: Final = tuple(
    sound + vowel
    for sound in (
        "b",
        "bl",
        "br",
        "c",
        "cl",
        "d",
        "dr",
        "f",
        "fl",
        "g",
        "gr",
        "l",
        "m",
        "n",
        "p",
        "pr",
        "r",
        "s",
    )
    for vowel in "aeio"
)
_ENDINGS: Final = ("l", "n", "r", "s", "t", "x", "lle", "nne", "rd", "nt", "")

Excluded = Callable[[bytes], bool]
"""Whether the original holds a value (UTF-8)."""


def _people(fake: Faker) -> dict[str, Callable[[], str]]:
    return {
        "first_name": fake.first_name,
        "last_name": fake.last_name,
        "name": lambda: f"{fake.first_name()} {fake.last_name()}",
        "address": lambda: fake.street_address().replace("\n", ", "),
        "city": fake.city,
        "postcode": fake.postcode,
        "company": fake.company,
        "phone": fake.phone_number,
        "iban": fake.iban,
    }


class Pools:
    """The pools of one locale.

    Args:
        locale: such as ``fr_FR``, as Faker names it.
        excluded: what must not be in a pool.
    """

    def __init__(self, locale: str, excluded: Excluded) -> None:
        self.locale = locale
        self._excluded = excluded
        self._made: dict[tuple[str, int | None], tuple[bytes, ...]] = {}

    @cached_property
    def _faker(self) -> Faker:
        from faker import Faker  # noqa: PLC0415 - takes half a second

        return Faker(self.locale)

    def of(self, kind: str, limit: int | None = None) -> tuple[bytes, ...]:
        """The values of a kind, each of at most ``limit`` characters; the same ones in each process."""
        known = self._made.get((kind, limit))
        if known is None:
            known = self._made[kind, limit] = self._fill(kind, limit)
        return known

    def _fill(self, kind: str, limit: int | None) -> tuple[bytes, ...]:
        found: dict[bytes, None] = {}
        for source, wanted in ((self._known(kind), SIZE), (self._synthetic(kind, limit), FEWEST)):
            for text in source:
                if len(found) >= wanted:
                    break
                value = " ".join(text.split()).encode()
                if value and (limit is None or len(text) <= limit) and not self._excluded(value):
                    found[value] = None
        if not found:
            raise UsageError(
                f"no {kind} of {self.locale} is short enough and not in the original",
                hint="give these columns hash, scrub or null",
            )
        return tuple(found)

    def _known(self, kind: str) -> Iterator[str]:
        if kind == "ip":
            yield from _addresses()
            return
        if kind == "phone" and self.locale == "fr_FR":
            yield from _french_numbers()
            return
        if kind == "words":
            return
        fake = self._faker
        fake.seed_instance(_SEED)
        make = _people(fake)[kind]
        for _ in range(_TRIES):
            yield make()

    @staticmethod
    def _synthetic(kind: str, limit: int | None) -> Iterator[str]:
        chance = random.Random(_SEED)  # noqa: S311 - the pool is no secret, the choice from it is
        for _ in range(_TRIES * 4):
            word = "".join(chance.choice(_SYLLABLES) for _ in range(chance.choice((2, 3, 3))))
            word = (word + chance.choice(_ENDINGS)).capitalize()
            digits = f"{chance.randrange(10**9):09}"
            yield {
                "name": f"{word} {chance.choice(_SYLLABLES).capitalize()}{chance.choice(_SYLLABLES)}n",
                "address": f"{chance.randrange(1, 200)} {word}",
                "postcode": f"00{digits[:3]}",
                "phone": f"+999{digits}",
                "words": word.lower(),
            }.get(kind, word)[: limit or None]


def _addresses() -> Iterator[str]:
    """Addresses kept free for tests (RFC 2544), which no one has: 198.18.0.0/15."""
    chance = random.Random(_SEED)  # noqa: S311
    for place in chance.sample(range(2**17), _TRIES):
        yield f"198.{18 + (place >> 16)}.{place >> 8 & 255}.{place & 255}"


def _french_numbers() -> Iterator[str]:
    """Numbers that the French authority keeps for fiction (ARCEP, decision 2018-0881)."""
    chance = random.Random(_SEED)  # noqa: S311
    beginnings = ("01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98")
    for place in chance.sample(range(10**4), _TRIES):
        yield f"{chance.choice(beginnings)} {place // 100:02} {place % 100:02}"
