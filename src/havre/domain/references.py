"""References from one service's configuration to another: ``${service.attribute}``.

``$$`` stands for one dollar; a dollar before anything else than ``{`` or ``$`` is itself. What a
reference stands for is decided elsewhere; here it is only found, named and replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from havre.errors import UsageError

_ROUTED: Final = ("host", "port", "url", "public_url", "domain")

ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "app": _ROUTED,
    "static": _ROUTED,
    "postgres": ("url", "host", "port", "user", "password", "database"),
    "redis": ("url", "host", "port", "password"),
}
"""What a reference can ask of a service, by the service's kind."""

SECRET_ATTRIBUTES: Final = frozenset(
    {("postgres", "url"), ("postgres", "password"), ("redis", "url"), ("redis", "password")}
)
"""The pairs of kind and attribute whose value is, or contains, a password."""

_SHOWN: Final = 40

_TOKEN: Final = re.compile(
    r"\$\$"
    r"|\$\{(?P<service>[a-z](?:[a-z0-9-]*[a-z0-9])?)\.(?P<attribute>[a-z][a-z0-9_]*)\}"
    r"|(?P<malformed>\$\{[^}\n]*\}?)"
)


class MalformedReference(UsageError):  # noqa: N818 - named by what it is, as its siblings are
    """Text holds a ``${`` that does not begin a reference."""


@dataclass(frozen=True, order=True)
class Literal:
    """Text that stands for itself; dollars are already unescaped."""

    text: str


@dataclass(frozen=True, order=True)
class Reference:
    """An attribute of a service of the same project."""

    service: str
    attribute: str

    def __str__(self) -> str:
        return f"${{{self.service}.{self.attribute}}}"


def parse(text: str) -> tuple[Literal | Reference, ...]:
    """The parts of a text, in order; neighbouring literals are one, and none is empty.

    Raises:
        MalformedReference: a ``${`` begins no reference.
    """
    parts: list[Literal | Reference] = []
    literal = ""
    end = 0
    for token in _TOKEN.finditer(text):
        literal += text[end : token.start()]
        end = token.end()
        if token["malformed"]:
            raise _malformed(token["malformed"])
        if token["service"] is None:
            literal += "$"
            continue
        if literal:
            parts.append(Literal(literal))
            literal = ""
        parts.append(Reference(token["service"], token["attribute"]))
    literal += text[end:]
    if literal:
        parts.append(Literal(literal))
    return tuple(parts)


def references(text: str) -> frozenset[Reference]:
    """The references in a text.

    Raises:
        MalformedReference: a ``${`` begins no reference.
    """
    return frozenset(part for part in parse(text) if isinstance(part, Reference))


def resolve(text: str, lookup: Callable[[Reference], str]) -> str:
    """The text with every reference replaced by what ``lookup`` gives for it.

    What ``lookup`` gives is inserted as it is: a dollar in it means nothing any more.

    Raises:
        MalformedReference: a ``${`` begins no reference.
    """
    return "".join(part.text if isinstance(part, Literal) else lookup(part) for part in parse(text))


def is_secret(kind: str, attribute: str) -> bool:
    """Whether this attribute of a service of this kind is, or contains, a password."""
    return (kind, attribute) in SECRET_ATTRIBUTES


def escape(text: str) -> str:
    """The text that resolves to ``text`` itself."""
    return text.replace("$", "$$")


def _malformed(fragment: str) -> MalformedReference:
    shown = fragment if len(fragment) <= _SHOWN else fragment[: _SHOWN - 1] + "…"
    return MalformedReference(
        f"{shown} is not a reference",
        hint="write ${service.attribute}, for example ${db.url}; write $${ for a literal ${",
    )
