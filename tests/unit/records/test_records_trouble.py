"""What a failing database is told as."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from havre.records.trouble import of_records


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("database is locked", "locked by another program"),
        ("database or disk is full", "disk is full"),
        ("attempt to write a readonly database", "may not be written"),
        ("database disk image is malformed", "damaged"),
        ("unable to open database file", "cannot be opened"),
        ("something else with a value: hunter2", "do not answer (OperationalError)"),
    ],
)
def test_each_cause_has_its_words_and_a_remedy(words: str, told: str) -> None:
    error = of_records(OperationalError(words))
    assert told in error.message
    assert error.hint
    assert error.retryable
    assert "hunter2" not in error.message + error.hint
