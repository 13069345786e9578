r"""PostgreSQL's text format of COPY: one line per row, tabs between cells, ``\N`` for null.

Source: https://www.postgresql.org/docs/17/sql-copy.html, "Text Format"; arrays:
https://www.postgresql.org/docs/17/arrays.html, "Array Input and Output Syntax".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

NULL: Final = rb"\N"

_SPECIAL: Final = re.compile(rb"[\\\n\r\t\x08\x0b\x0c]")
_ESCAPED: Final = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS: Final = {
    b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
}  # fmt: skip
_SIGNS: Final = {
    b"\\": rb"\\", b"\b": rb"\b", b"\f": rb"\f", b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t", b"\v": rb"\v",
}  # fmt: skip

_ELEMENT: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^{},"]+)', re.DOTALL)
_BACKSLASHED: Final = re.compile(rb"\\(.)", re.DOTALL)
_QUOTED: Final = re.compile(rb'(["\\])')


def unescape(cell: bytes) -> bytes:
    """The value of a cell that is not null."""
    return _ESCAPED.sub(_meant, cell) if b"\\" in cell else cell


def escape(value: bytes) -> bytes:
    """A value as a cell."""
    return _SPECIAL.sub(lambda found: _SIGNS[found[0]], value)


def _meant(found: re.Match[bytes]) -> bytes:
    hexadecimal, octal, letter = found.groups()
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    return _LETTERS.get(letter, letter)


def each_element(array: bytes, change: Callable[[bytes], bytes | None]) -> bytes:
    """An array's text with every element that is not null changed; None makes one null.

    Args:
        array: such as ``{a,"b c",NULL}``, also of several dimensions or with bounds in front.
        change: gets an element's value and returns the new one.
    """

    def replaced(found: re.Match[bytes]) -> bytes:
        quoted, plain = found.groups()
        if quoted is None and plain.upper() == b"NULL":
            return bytes(plain)
        value = _BACKSLASHED.sub(rb"\1", quoted) if quoted is not None else plain
        changed = change(value)
        return b"NULL" if changed is None else b'"' + _QUOTED.sub(rb"\\\1", changed) + b'"'

    bounds, body = b"", array
    if array.startswith(b"["):
        bounds, _, body = array.partition(b"=")
        bounds += b"="
    return bounds + _ELEMENT.sub(replaced, body)


def elements(array: bytes) -> list[bytes]:
    """The values of an array's elements that are not null."""
    found: list[bytes] = []

    def note(value: bytes) -> bytes:
        found.append(value)
        return value

    each_element(array, note)
    return found
