"""``$VAR``, ``${VAR:-default}`` and the like in a Compose file, by Compose's own rules.

The forms: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from havre.domain.compose.tree import Node

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?(.*)", re.DOTALL)


@dataclass
class Interpolated:
    """A text with its variables replaced, which they were, and which of them had no value."""

    text: str
    names: set[str]
    unset: set[str]


def interpolate(text: str, variables: Mapping[str, str]) -> Interpolated:
    """Replace the variables of a text. What has no value and no default becomes nothing, as in Compose."""
    done = Interpolated("", set(), set())
    at = 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            done.text += text[at:]
            break
        done.text += text[at:dollar]
        at = _one(text, dollar, variables, done)
    return done


def interpolate_tree(node: Node, variables: Mapping[str, str]) -> Node:
    """The tree with the variables of every scalar replaced; keys stay as they are."""
    value: Any = node.value
    if isinstance(value, dict):
        return dataclasses.replace(
            node, value={key: interpolate_tree(child, variables) for key, child in value.items()}
        )
    if isinstance(value, list):
        return dataclasses.replace(node, value=[interpolate_tree(child, variables) for child in value])
    if not isinstance(value, str) or "$" not in value:
        return node
    done = interpolate(value, variables)
    return dataclasses.replace(
        node, value=done.text, names=frozenset(done.names), unset=frozenset(done.unset)
    )


def _one(text: str, dollar: int, variables: Mapping[str, str], done: Interpolated) -> int:
    """Replace what begins at a dollar; where to go on."""
    following = text[dollar + 1 : dollar + 2]
    if following == "$":
        done.text += "$"
        return dollar + 2
    if following == "{":
        end = _closing(text, dollar + 2)
        inner = _BRACED.fullmatch(text[dollar + 2 : end]) if end else None
        if inner and end:
            _braced(inner, variables, done)
            return end + 1
    elif match := _NAME.match(text, dollar + 1):
        _plain(match[0], variables, done)
        return match.end()
    done.text += "$"
    return dollar + 1


def _closing(text: str, start: int) -> int | None:
    depth = 1
    for at in range(start, len(text)):
        if text.startswith("${", at):
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if not depth:
                return at
    return None


def _plain(name: str, variables: Mapping[str, str], done: Interpolated) -> None:
    done.names.add(name)
    if name in variables:
        done.text += variables[name]
    else:
        done.unset.add(name)


def _braced(match: re.Match[str], variables: Mapping[str, str], done: Interpolated) -> None:
    name, sign, rest = match[1], match[2] or "", match[3]
    if not sign or sign in {"?", ":?"}:
        _plain(name, variables, done)
        return
    done.names.add(name)
    has = bool(variables.get(name)) if sign.startswith(":") else name in variables
    wants_rest = has if sign.endswith("+") else not has
    if not wants_rest:
        done.text += "" if sign.endswith("+") else variables[name]
        return
    inner = interpolate(rest, variables)
    done.text += inner.text
    done.names |= inner.names
    done.unset |= inner.unset
