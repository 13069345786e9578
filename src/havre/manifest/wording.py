"""How the manifest's errors are worded, so that all of them sound alike."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Final

from pydantic_core import PydanticCustomError

CUSTOM: Final = "havre"
"""The pydantic error type of :func:`fail`."""

_LONGEST_VALUE: Final = 60


def fail(message: str, hint: str = "") -> PydanticCustomError:
    """The error that a validator raises: what is wrong, and the remedy."""
    return PydanticCustomError(CUSTOM, "{message}", {"message": message, "hint": hint})


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint that names the known word closest to ``word``, else all the known ones."""
    names = sorted(known)
    close = difflib.get_close_matches(str(word)[:_LONGEST_VALUE], names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else ""


def show(value: object) -> str:
    """A value as an error names it: quoted text, shortened; collections are only named."""
    match value:
        case dict():
            return "keys and values"
        case list() | tuple():
            return "a list"
        case None:
            return "null"
        case str() | bool() | int() | float():
            text = json.dumps(value, ensure_ascii=False)
            return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
        case _:
            return "something else"
