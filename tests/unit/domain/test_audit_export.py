from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from havre.domain.audit_export import Form, head, lines

FIELDS = ("id", "at", "actor", "details")
ROW = {"id": 7, "at": datetime(2026, 1, 31, 12, tzinfo=UTC), "actor": 'a "b",\nc', "details": {"n": ["é"]}}


def test_json_lines():
    (line,) = lines([ROW], FIELDS, Form.JSON)
    assert line.count("\n") == 1
    assert json.loads(line) == {**ROW, "at": "2026-01-31T12:00:00+00:00"}
    assert list(head(FIELDS, Form.JSON)) == []


def test_a_table():
    text = "".join([*head(FIELDS, Form.CSV), *lines([ROW], FIELDS, Form.CSV)])
    names, row = csv.reader(io.StringIO(text, newline=""))
    assert names == list(FIELDS)
    assert row == ["7", "2026-01-31T12:00:00+00:00", 'a "b",\nc', '{"n": ["é"]}']


@given(st.text())
def test_no_cell_begins_as_a_formula(actor):
    (line,) = lines([{**ROW, "actor": actor}], FIELDS, Form.CSV)
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert not row[2].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row[2] in {actor, f"'{actor}"}
