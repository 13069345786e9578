"""What a search finds: words, phrases and regular expressions, in blocks of many records.

A word is found where a word of the record begins with it, whatever the case: ``time`` finds ``Timeout``
and ``request-time``, not ``runtime``. Words in quotes are one phrase. All have to be in the same record. What
is in the middle of a word is found by a regular expression, which reads every block of the time asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from havre.domain.logs.record import INNER, SEPARATOR

MOST_TERMS: Final = 20

_TERM: Final = re.compile(r'"([^"]*)"?|(\S+)')
# As SQLite's unicode61 divides text: letters and digits are words, all else is between them.
_WORD: Final = re.compile(r"[^\W_]+")


def terms_of(text: str) -> tuple[str, ...]:
    """The words and phrases of a search, in lower case.

    Raises:
        ValueError: there are too many.
    """
    found = [(phrase or word).lower().strip() for phrase, word in _TERM.findall(text)]
    terms = tuple(dict.fromkeys(term for term in found if term))
    if len(terms) > MOST_TERMS:
        raise ValueError(f"a search has at most {MOST_TERMS} words")
    return terms


def index_query(terms: tuple[str, ...]) -> str:
    """What to ask the index of SQLite's FTS5 for: blocks that may hold all terms; empty if it cannot help.

    The last word of a term may go on in the text; the index is without positions, so the words of a phrase
    are looked for one by one, and the text decides.
    """
    parts = []
    for term in terms:
        words = _WORD.findall(term)
        for place, word in enumerate(words, 1):
            is_open = place == len(words) and term.endswith(word)
            parts.append(f'"{word}"' + (" *" if is_open else ""))
    return " AND ".join(parts)


@dataclass(frozen=True)
class Sought:
    """What the text of a record has to hold.

    Args:
        terms: of :func:`terms_of`.
        pattern: a regular expression (RE2), or empty.

    Raises:
        ValueError: the expression is none.
    """

    terms: tuple[str, ...] = ()
    pattern: str = ""

    def __post_init__(self) -> None:
        if self.pattern:
            _block_pattern(self.pattern)

    def places(self, block: str) -> Iterator[int]:
        """Which records of a block hold it, from the first; the block is lines of ``SEPARATOR``."""
        if self.terms:
            by_words = _with_terms(block, self.terms)
            if not self.pattern:
                yield from by_words
                return
            lines = block.split(SEPARATOR)
            yield from (place for place in by_words if self._matches(lines[place]))
        elif self.pattern:
            yield from _with_pattern(block, self.pattern)
        else:
            yield from range(block.count(SEPARATOR) + 1)

    def found_in(self, text: str) -> bool:
        """Whether one record holds it."""
        return next(self.places(text.replace(SEPARATOR, INNER)), None) is not None

    def _matches(self, line: str) -> bool:
        return next(_with_pattern(line, self.pattern), None) is not None


def _with_terms(block: str, terms: tuple[str, ...]) -> Iterator[int]:
    lower = block.lower()
    rarest = max(terms, key=len)
    others = [term for term in terms if term != rarest]
    place = counted = start = 0
    while (found := _begins(lower, rarest, start, len(lower))) >= 0:
        begin = lower.rfind(SEPARATOR, 0, found) + 1
        end = lower.find(SEPARATOR, found)
        end = len(lower) if end < 0 else end
        if all(_begins(lower, term, begin, end) >= 0 for term in others):
            place += lower.count(SEPARATOR, counted, begin)
            counted = begin
            yield place
        start = end


def _begins(text: str, term: str, start: int, end: int) -> int:
    """Where a word begins with the term; -1 if nowhere."""
    is_word = term[0].isalnum()
    while (found := text.find(term, start, end)) >= 0:
        if not is_word or found == 0 or not text[found - 1].isalnum():
            return found
        start = found + 1
    return -1


def _with_pattern(block: str, pattern: str) -> Iterator[int]:
    compiled = _block_pattern(pattern)
    data = block.encode("utf-8", "surrogatepass")
    separator = SEPARATOR.encode()
    place = counted = start = 0
    while (match := compiled.search(data, start)) is not None:
        # A match may begin in one record and go on in the next: the record alone decides.
        begin = data.rfind(separator, 0, match.start()) + 1
        end = data.find(separator, match.start())
        end = len(data) if end < 0 else end
        is_inside = match.end() <= end
        if is_inside or compiled.search(data[begin:end]) is not None:
            place += data.count(separator, counted, begin)
            counted = begin
            yield place
        if end >= len(data):
            return
        start = end + 1


def _block_pattern(pattern: str) -> Any:
    import re2  # noqa: PLC0415 - megabytes of C++ that most searches do not need

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(f"(?m){pattern}".encode(), options=options)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        raise ValueError(told.decode() if isinstance(told, bytes) else str(told)) from error
