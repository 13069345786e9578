"""An incident in the words of a language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from havre.domain.alerting.telling import Word

LANGUAGES: Final = ("en", "fr")
_MOST_LINES: Final = 20


@dataclass(frozen=True)
class Told:
    """What is told of an incident, apart from the language.

    Attributes:
        number: of the incident; 0 for a test.
        word: what happened to it.
        kind, place, subject: what it is of.
        facts: for the words of its kind.
        began: when it began; None for a test.
        over: when it was over; None if it lasts.
        is_flapping: whether it comes and goes.
        service: whose log ``lines`` are of; empty if they are of several of the place.
        lines: the last ones of the log.
        link: to the panel; may be empty.
    """

    number: int
    word: Word
    kind: str
    place: str
    subject: str = ""
    facts: Mapping[str, Any] | None = None
    began: datetime | None = None
    over: datetime | None = None
    is_flapping: bool = False
    service: str = ""
    lines: tuple[str, ...] = ()
    link: str = ""


class _Facts(dict[str, Any]):
    """What is not known is told as a question mark: an alert is better than an error about it."""

    def __missing__(self, _key: str) -> str:
        return "?"


def message(kind: str, subject: str, facts: Mapping[str, Any], language: str) -> str:
    """One sentence that says what is wrong."""
    template = _words(language)["kinds"].get(kind, "{subject}")
    known = {key: value for key, value in facts.items() if value is not None}
    return str(template).format_map(_Facts(known, subject=subject or "?"))


def render(told: Told, language: str) -> tuple[str, str]:
    """Subject and text of a message."""
    words = _words(language)["words"]
    what = (
        words["test_message"].format(channel=told.subject)
        if told.word == Word.TEST
        else message(told.kind, told.subject, told.facts or {}, language)
    )
    title = words["subject"].format(word=words[told.word], place=told.place, message=what)
    parts = [what]
    if told.began and told.over:
        parts.append(words["lasted"].format(begin=_shown(told.began), end=_shown(told.over)))
    elif told.began:
        parts.append(words["since"].format(moment=_shown(told.began)))
    if told.is_flapping:
        parts.append(words["flapping"])
    if told.lines and told.word != Word.OVER:
        parts += [
            "",
            words["log"].format(service=told.service or told.place),
            *(f"  {line}" for line in told.lines[-_MOST_LINES:]),
        ]
    if told.link:
        parts += ["", words["link"].format(link=told.link)]
    if told.number and told.word != Word.OVER:
        parts += ["", words["command"].format(id=told.number)]
    return title, "\n".join(parts)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(maxsize=len(LANGUAGES))
def _words(language: str) -> dict[str, Any]:
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    return tomllib.loads(resources.files(__package__).joinpath(f"{chosen}.toml").read_text(encoding="utf-8"))
