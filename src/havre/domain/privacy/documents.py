"""JSON columns: each text in a document by the rule of its path, everything else as it is.

A path is the keys from the top with dots between; lists count as their entries, so ``phones`` is every text
in a list of that name. ``*`` is the rule of every text that no path names; without it those are scrubbed,
because what an application will put into a document nobody knows in advance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from havre.domain.privacy.fakes import Change
from havre.domain.privacy.rules import Rule

SCRUB: Final = Rule("scrub")

_EXACT: Final = "\ue000"
_EXACTLY: Final = re.compile(rf'"{_EXACT}(-?[0-9.eE+-]+)"')

Handle = Callable[[str, Any], Any]


def rule_at(rule: Rule, path: str) -> Rule:
    """The rule of the texts at a path of a column with this rule."""
    if rule.kind != "json":
        return rule
    paths = dict(rule.paths)
    return paths.get(path) or paths.get("*") or SCRUB


def changed(document: bytes, handle: Handle) -> bytes:
    """A document (UTF-8) with every value that is not null or a container handed to a function.

    Args:
        document: its text; numbers keep every digit they have.
        handle: gets a value's path and the value, and returns the new one.
    """
    whole = json.loads(document, parse_float=lambda text: _EXACT + text)
    text = json.dumps(_walked(whole, "", handle), ensure_ascii=False, separators=(", ", ": "))
    return _EXACTLY.sub(r"\1", text).encode() if _EXACT in text else text.encode()


def _walked(value: Any, path: str, handle: Handle) -> Any:
    if isinstance(value, dict):
        return {
            key: _walked(below, f"{path}.{key}" if path else str(key), handle) for key, below in value.items()
        }
    if isinstance(value, list):
        return [_walked(below, path, handle) for below in value]
    if value is None or (isinstance(value, str) and value.startswith(_EXACT)):
        return value
    return handle(path, value)


def change(rule: Rule, changes: Mapping[str, Change]) -> Change:
    """The function that replaces a whole document.

    Args:
        rule: of the column: ``json``, or ``scrub`` for every text of it.
        changes: by path, and under ``*`` for what no path names.
    """
    named = {path for path, _ in rule.paths}

    def handle(path: str, value: Any) -> Any:
        at = rule_at(rule, path)
        if at.kind == "keep":
            return _allowed(at, value)
        if at.kind == "null":
            return None
        if isinstance(value, str):
            new = changes[path if path in named else "*"](value.encode(errors="surrogatepass"))
            return None if new is None else new.decode()
        if path not in named or at.kind == "scrub":
            return value  # a number or a truth that nobody named
        # A named number, such as a telephone number written as one, becomes a text.
        new = changes[path](json.dumps(value).encode())
        return None if new is None else new.decode()

    return lambda document: changed(document, handle)


def _allowed(rule: Rule, value: Any) -> Any:
    if rule.allowed and isinstance(value, str) and value not in rule.allowed:
        raise NotAllowed
    return value


class NotAllowed(ValueError):  # noqa: N818 - named by what it is
    """A text that is not among those that may stay."""


def leaves(document: bytes) -> Iterator[tuple[str, bytes, bool]]:
    """Every text and number of a document: path, value (UTF-8), and whether it is a key or a number."""
    yield from _leaves(json.loads(document, parse_float=_Number), "")


class _Number(str):
    """A number with a point, as it is written."""

    __slots__ = ()


def _leaves(value: Any, path: str) -> Iterator[tuple[str, bytes, bool]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield path, key.encode(errors="surrogatepass"), True
            yield from _leaves(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for below in value:
            yield from _leaves(below, path)
    elif isinstance(value, str):
        yield path, value.encode(errors="surrogatepass"), isinstance(value, _Number)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, str(value).encode(), True


def protected(rule: Rule, document: bytes) -> Iterator[bytes]:
    """The values of a document that are replaced by others."""
    named = {path for path, _ in rule.paths}
    for path, value, is_aside in leaves(document):
        if rule_at(rule, path).protects and (not is_aside or path in named):
            yield value
