"""The forms in which values are compared: without case, accents, spaces and punctuation; digits alone.

Two values with one compact form count as the same: ``Jean-Pierre``, ``JEAN PIERRE`` and ``jéan.pierre``.
Telephone numbers are the same when their last nine digits are, whatever the country is written as.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator
from typing import Final

SHORTEST: Final = 3
"""Characters below which a form is not compared: too many things are spelled alike."""

SHORTEST_WORD: Final = 4
"""The same for a single word in the middle of a text."""

LONGEST_RUN: Final = 10
"""Words in a row of a text that are compared with a value as one."""

_TELLING_DIGITS: Final = 9
_ALONE: Final = frozenset({b"", b"0", b"1", b"7"})
"""What stands before the nine digits at home, or abroad where the country's code has one digit."""
_LONGEST_PREFIX: Final = 3

LOWER: Final = bytes(c + 32 if 65 <= c <= 90 else c for c in range(256))  # noqa: PLR2004 - A to Z
NOT_ALNUM: Final = bytes(c for c in range(256) if c not in (string.ascii_letters + string.digits).encode())
_GAPS: Final = re.compile(r"[\W_]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_ASCII_GAPS: Final = re.compile(rb"[^a-z0-9]+")


def compact(value: bytes) -> bytes:
    """A value (UTF-8) in lower case, without accents, and without anything but letters and digits."""
    if value.isascii():
        return value.translate(LOWER, NOT_ALNUM)
    try:
        form = value.decode().encode("latin-1").translate(_LATIN, _LATIN_GAPS)
    except UnicodeError:
        return _folded(value)
    return _folded(value) if b"\0" in form else form


def _folded(value: bytes) -> bytes:
    return _GAPS.sub("", _plain(value)).encode()


def words(value: bytes) -> list[bytes]:
    """The words of a text, each compact."""
    if value.isascii():
        return [word for word in _ASCII_GAPS.split(value.translate(LOWER)) if word]
    return [word.encode() for word in _GAPS.split(_plain(value)) if word]


def telephone(form: bytes) -> bytes:
    """``#`` and nine digits for a compact form that can be a telephone number; empty if it can be none.

    Other numbers of as many digits are left alone: among a hundred thousand numbers one in ten thousand
    would be taken for a telephone's.
    """
    if not form.isdigit():
        return b""
    before, last = form[:-_TELLING_DIGITS], form[-_TELLING_DIGITS:]
    if len(last) < _TELLING_DIGITS:
        return b""
    is_one = before in _ALONE or (before.startswith(b"00") and len(before) <= _LONGEST_PREFIX + 2)
    if is_one or (1 < len(before) <= _LONGEST_PREFIX and not before.startswith(b"0")):
        return b"#" + last
    return b""


def of_value(value: bytes) -> Iterator[bytes]:
    """The forms of a whole value; none if it is too short to tell anybody."""
    form = compact(value)
    if len(form) >= SHORTEST:
        yield form
        telling = telephone(form)
        if telling:
            yield telling


def of_text(value: bytes) -> Iterator[bytes]:
    """The forms of a text and of everything in it: each run of up to :data:`LONGEST_RUN` words."""
    yield from of_value(value)
    found = words(value)
    for start, word in enumerate(found):
        run = word
        for following in (*found[start + 1 : start + LONGEST_RUN], b""):
            if len(run) >= SHORTEST_WORD:
                yield run
                telling = telephone(run)
                if telling:
                    yield telling
            run += following


def _plain(value: bytes) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", value.decode(errors="replace"))).casefold()


# What comes of each letter of western Europe, six times as fast; 0 for the few that become several letters.
_ONE_BY_ONE: Final = [_folded(chr(code).encode()) for code in range(256)]
_LATIN: Final = bytes(form[0] if len(form) == 1 else 0 for form in _ONE_BY_ONE)
_LATIN_GAPS: Final = bytes(code for code, form in enumerate(_ONE_BY_ONE) if not form)
