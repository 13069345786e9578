"""Dates that are moved and numbers that are blurred."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Final

from havre.domain.privacy.fakes import Change, draw
from havre.domain.privacy.rules import Rule
from havre.domain.privacy.tables import Column

_ISO_DATE: Final = 10
_WIDTH: Final = 2**64
_RANGES: Final = {"int2": 2**15, "int4": 2**31, "int8": 2**63}


class Unshiftable(ValueError):  # noqa: N818 - named by what it is
    """A date before year 1 or after year 9999."""


def shift(rule: Rule, key: bytes) -> Callable[[bytes, bytes], bytes]:
    """Moves a date or time, given the value of the column that it is moved by.

    All dates of one such value move by the same number of whole days, in whatever table, so the time
    between two of them stays what it was; the number is never 0.
    """
    drawn = draw(key, "shift")
    days = rule.days

    def moved(value: bytes, by: bytes) -> bytes:
        if value in {b"infinity", b"-infinity"}:
            return value
        place = int.from_bytes(drawn(by)[:8]) % (2 * days)
        offset = place - days if place < days else place - days + 1
        if value.endswith(b"BC"):
            raise Unshiftable
        try:
            day = date.fromisoformat(value[:_ISO_DATE].decode()) + timedelta(days=offset)
        except (ValueError, OverflowError) as error:
            raise Unshiftable from error
        return day.isoformat().encode() + value[_ISO_DATE:]

    return moved


def noise(rule: Rule, column: Column, key: bytes) -> Change:
    """Changes a number by up to the part that the rule says; the same number always becomes the same."""
    drawn = draw(key, "noise")
    part, kind = rule.noise, column.type

    def changed(value: bytes) -> bytes:
        factor = 1 + part * (2 * int.from_bytes(drawn(value)[:8]) / _WIDTH - 1)
        if kind in _RANGES:
            most = _RANGES[kind]
            return b"%d" % max(-most, min(most - 1, round(int(value) * factor)))
        if kind == "numeric":
            return _decimal(value, factor)
        number = float(value) * factor
        return repr(number).encode() if math.isfinite(number) else value

    return changed


def _decimal(value: bytes, factor: float) -> bytes:
    """With as many digits behind the point as before."""
    number = Decimal(value.decode())
    if not number.is_finite():
        return value
    with localcontext(prec=len(value) + 20):
        blurred = (number * Decimal(factor)).quantize(Decimal(1).scaleb(int(number.as_tuple().exponent)))
    return f"{blurred:f}".encode()
