"""Levels of log lines, found in what the line says."""

from __future__ import annotations

import json
import re
from enum import IntEnum
from typing import Any, Final


class Level(IntEnum):
    """How bad a line is; ``UNKNOWN`` where it does not say, which filters take for ``INFO``."""

    UNKNOWN = 0
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6


NAMES: Final = tuple(level.name.lower() for level in Level if level)
"""What people write, from ``trace`` to ``fatal``."""

_WORDS: Final[dict[str, Level]] = {
    **dict.fromkeys(("trace", "trc", "verbose", "silly", "finest", "finer"), Level.TRACE),
    **dict.fromkeys(("debug", "dbg", "fine", "debug1", "debug2", "debug3", "debug4", "debug5"), Level.DEBUG),
    **dict.fromkeys(("info", "inf", "information", "notice", "log", "http", "statement"), Level.INFO),
    **dict.fromkeys(("warn", "warning", "wrn", "hint"), Level.WARN),
    **dict.fromkeys(("error", "err", "eror", "severe"), Level.ERROR),
    **dict.fromkeys(
        ("fatal", "ftl", "critical", "crit", "panic", "alert", "emerg", "emergency"), Level.FATAL
    ),
}
# Only what a program writes as a level: in capitals, or in brackets, or after ``level=``. "error" in the
# middle of a sentence is no level. The order of the forms is the order in which they are believed.
_FIELD: Final = re.compile(r"(?:level|lvl|severity)[\"']?\s*[=:]\s*[\"']?([A-Za-z]{3,11})")
_BRACKETS: Final = re.compile(r"[\[<(|]\s*([A-Za-z]{3,11}\d?)\s*[\]>)|]")
_CAPITALS: Final = re.compile(r"[A-Z]{3,9}\d?")
_SENTENCE: Final = frozenset({"HTTP", "FINE", "FINER", "FINEST", "SILLY", "INFORMATION"})
"""Words in capitals that stand elsewhere too."""
_BEGINNING: Final = re.compile(
    r"(trace|debug|info|notice|warn(?:ing)?|error|fatal|critical)\b\s*[:\-\]|]", re.IGNORECASE
)
_EXCEPTION: Final = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread |(?:[A-Za-z_][\w.]*)?(?:Error|Exception)"
    r"(?::| \[)"
)
_PANIC: Final = re.compile(r"panic: |thread '.*' panicked at |Uncaught ")
# Redis: "1:M 30 Nov 2026 16:54:26.123 * Ready" with . - * # for debug, verbose, notice, warning.
_REDIS: Final = re.compile(r"\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ ([.\-*#]) ")
_REDIS_SIGNS: Final = {".": Level.DEBUG, "-": Level.DEBUG, "*": Level.INFO, "#": Level.WARN}
_LOOKED_AT: Final = 200
"""Characters in which a level is looked for: it stands at the beginning."""

_LEVEL_KEYS: Final = ("level", "severity", "lvl", "loglevel", "log.level", "levelname", "@l", "level_name")
_MESSAGE_KEYS: Final = ("msg", "message", "@m", "@mt", "event", "text")
# pino and bunyan write numbers: https://github.com/pinojs/pino/blob/main/docs/api.md#loggerlevels-object
_NUMBERS: Final = (
    (60, Level.FATAL),
    (50, Level.ERROR),
    (40, Level.WARN),
    (30, Level.INFO),
    (20, Level.DEBUG),
    (10, Level.TRACE),
)


def level_of(text: str) -> Level:
    """The level that a line tells, by a JSON field, a word of its beginning, or a known form."""
    if text[:1] == "{" and (fields := fields_of(text)) is not None:
        return _of_fields(fields)
    head = text[:_LOOKED_AT]
    level = _of_words(head)
    if level is not None:
        return level
    if beginning := _BEGINNING.match(head):
        return _WORDS[beginning[1].lower()]
    if redis := _REDIS.match(head):
        return _REDIS_SIGNS[redis[1]]
    if _PANIC.match(head):
        return Level.FATAL
    return Level.ERROR if _EXCEPTION.match(head) else Level.UNKNOWN


def _of_words(head: str) -> Level | None:
    """By ``level=…``, else a word in brackets, else one in capitals."""
    if "l" in head and (found := _FIELD.search(head)) and (level := _WORDS.get(found[1].lower())):
        return level
    for found in _BRACKETS.finditer(head):
        if level := _WORDS.get(found[1].lower()):
            return level
    for found in _CAPITALS.finditer(head):
        level = _WORDS.get(found[0].lower())
        if level and found[0] not in _SENTENCE and _stands_alone(head, found.start(), found.end()):
            return level
    return None


def _stands_alone(text: str, begin: int, end: int) -> bool:
    before, after = text[begin - 1 : begin], text[end : end + 1]
    return not (before.isalnum() or before in {"_", "/", "."} or after.isalnum() or after in {"_", "/"})


def fields_of(text: str) -> dict[str, Any] | None:
    """What a line of JSON holds; None if it is no object of JSON."""
    if text[:1] != "{" or text.rstrip()[-1:] != "}":
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def message_of(fields: dict[str, Any]) -> str:
    """What people read of a line of JSON; empty if none of the usual fields holds it."""
    for key in _MESSAGE_KEYS:
        if isinstance(value := fields.get(key), str) and value:
            return value
    error = fields.get("err") or fields.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])
    return error if isinstance(error, str) else ""


def _of_fields(fields: dict[str, Any]) -> Level:
    for key in _LEVEL_KEYS:
        value = fields.get(key)
        if isinstance(value, str):
            return _WORDS.get(value.lower(), Level.UNKNOWN)
        if isinstance(value, int):
            return next((level for least, level in _NUMBERS if value >= least), Level.TRACE)
    return Level.UNKNOWN


def by_name(name: str) -> Level:
    """The level that somebody wrote.

    Raises:
        ValueError: there is none of this name.
    """
    level = _WORDS.get(name.lower())
    if level is None:
        raise ValueError(f"there is no level {name!r}; write one of {', '.join(NAMES)}")
    return level


def at_least(least: Level) -> int:
    """Bits of the levels that a filter lets through: bit N is level N."""
    passing = {level for level in Level if level >= least}
    if least <= Level.INFO:
        passing.add(Level.UNKNOWN)
    else:
        passing.discard(Level.UNKNOWN)
    return sum(1 << level for level in passing)
