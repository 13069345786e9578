"""The audit log as a file: JSON lines or CSV, the oldest entry first."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Form(StrEnum):
    """The form of an export, which is also the end of its file's name."""

    JSON = "jsonl"
    CSV = "csv"


MEDIA_TYPES: Final[Mapping[Form, str]] = {Form.JSON: "application/x-ndjson", Form.CSV: "text/csv"}

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run (https://owasp.org/www-community/attacks/CSV_Injection)."""


def head(fields: Sequence[str], form: Form) -> Iterator[str]:
    """What an export begins with: the names of a CSV's columns."""
    if form is Form.CSV:
        yield _record(fields)


def lines(rows: Iterable[Mapping[str, Any]], fields: Sequence[str], form: Form) -> Iterator[str]:
    """The lines of entries, each with its end.

    Args:
        rows: entries, each a mapping with these fields; values are text, numbers, times or JSON.
        fields: which fields, in which order.
        form: JSON lines or CSV (RFC 4180).
    """
    for row in rows:
        if form is Form.JSON:
            yield json.dumps({name: _plain(row[name]) for name in fields}, ensure_ascii=False) + "\n"
        else:
            yield _record([_cell(row[name]) for name in fields])


def _record(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    text = str(_plain(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
