"""Lines of logs that match: whatever the expression is, the worker answers."""

from __future__ import annotations

from typing import Any

import pytest

from havre.adapters.swarm.logs import LogLine
from havre.domain.snapshot import Service, Snapshot
from havre.errors import UsageError
from havre.operations import look
from havre.records import queries

pytestmark = pytest.mark.django_db
LINES = ("a" * 40 + "!", "a" * 40, "quiet")


@pytest.fixture(autouse=True)
def _lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        def __init__(self, _host: str) -> None: ...

        def environment(self, *_: str) -> Snapshot:
            return Snapshot()

    service = Service("id", "shop-production-api-r1", (("havre.service", "api"),), "image", 1)
    rows = [(service, LogLine(at="2026-01-31T08:00:00Z", task="api.1", text=text)) for text in LINES]
    monkeypatch.setattr(look, "Engine", Stub)
    monkeypatch.setattr(look, "_read", lambda *_: iter(rows))
    queries.ensure_environment("shop", "production", source="")


def found(grep: str | None) -> list[str]:
    asked: dict[str, Any] = {"services": None, "since": None, "tail": None, "follow": False}
    rows = look.logs("shop", "production", **asked, grep=grep, stopped=lambda: False)
    return [row["line"] for row in rows]


def test_an_expression_that_would_try_for_years_takes_no_time() -> None:
    assert found("^(a+)+$") == [LINES[1]]
    assert found("(?i)QUIET") == ["quiet"]
    assert found(None) == list(LINES)


def test_what_is_no_expression_is_told() -> None:
    for wrong in ("(", "(?=a)"):
        with pytest.raises(UsageError, match="is not a regular expression"):
            found(wrong)
