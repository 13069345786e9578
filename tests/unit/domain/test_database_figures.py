"""What figures of a database deserve attention."""

from __future__ import annotations

from typing import Any

import pytest

from havre.domain.database_figures import warnings

GOOD: dict[str, Any] = {
    "connections": {"now": 12, "most": 97, "active": 1, "idle_in_transaction": 0},
    "cache_hit": 0.995,
    "counts": {"commits": 1_000_000},
    "longest_transaction": {"seconds": 2.0, "pid": 7, "user": "shop", "state": "active"},
    "slots": [{"name": "copy", "is_active": True, "held_bytes": 9_000_000_000}],
    "archive": {"is_on": True, "waiting": 1, "waiting_seconds": 3.0},
    "bloat": [{"schema": "public", "table": "t", "size": 50_000_000, "wasted": 40_000_000}],
}


def test_what_is_well_is_not_told() -> None:
    assert not list(warnings(GOOD))
    assert not list(warnings({**GOOD, "cache_hit": None, "longest_transaction": None, "bloat": []}))
    assert not list(warnings({**GOOD, "cache_hit": 0.2, "counts": {"commits": 50}})), "too early to say"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"connections": {"now": 80, "most": 97}}, "80 of 97 connections"),
        ({"cache_hit": 0.62}, "only 62% of the pages"),
        (
            {
                "longest_transaction": {
                    "seconds": 7300.0,
                    "pid": 7,
                    "user": "shop",
                    "state": "idle in transaction",
                }
            },
            "pg_terminate_backend(7)",
        ),
        ({"archive": {"is_on": True, "waiting": 9, "waiting_seconds": 90.0}}, "9 segments of WAL wait"),
        ({"archive": {"is_on": False}}, "backups: true"),
        (
            {"slots": [{"name": "gone", "is_active": False, "held_bytes": 2_000_000_000}]},
            "pg_drop_replication_slot('gone')",
        ),
        (
            {"bloat": [{"schema": "public", "table": "t", "size": 500_000_000, "wasted": 400_000_000}]},
            "public.t wastes about 400 of 500 MB",
        ),
    ],
)
def test_what_is_not_is_told_with_the_remedy(changed: dict[str, Any], told: str) -> None:
    (warning,) = warnings({**GOOD, **changed})
    assert told in warning
