"""``havre db`` without an engine: what it shows, and what it asks before anything is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from havre.interfaces.cli.commands import db
from havre.operations import databases, enter
from support.api_stand_in import StandIn

Havre = Callable[..., Result]
FIGURES: dict[str, Any] = {
    "database": "shop", "version": "17.2", "up_seconds": 7200, "size": 9_000_000,
    "connections": {"now": 4, "most": 97, "active": 1, "idle_in_transaction": 2},
    "cache_hit": 0.987, "counts": {"commits": 10, "rollbacks": 1, "deadlocks": 0, "temporary_bytes": 0},
    "longest_transaction": {"seconds": 75.0, "pid": 7, "user": "shop", "state": "idle in transaction"},
    "replicas": [{"name": "walreceiver", "state": "streaming", "lag_bytes": 5_000_000, "lag_seconds": 4}],
    "slots": [{"name": "copy", "is_active": False, "held_bytes": 7_000_000}],
    "archive": {"is_on": True, "last_seconds": 12, "failures": 0, "waiting": 1, "waiting_seconds": 2},
    "bloat": [{"schema": "public", "table": "t", "size": 9_000_000, "wasted": 4_000_000, "dead_rows": 7}],
    "statements": [{"total_ms": 61_000, "calls": 9, "mean_ms": 6777.8, "rows": 9, "statement": "SELECT $1"}],
    "warnings": ["a transaction is open"],
}  # fmt: skip


@pytest.fixture
def live(api: StandIn, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A database that is not there, and what is asked of it."""
    asked: dict[str, Any] = {}
    found = SimpleNamespace(
        database="shop", role="shop", engine=None, place=SimpleNamespace(name="shop-production-db.1")
    )
    monkeypatch.setattr(db, "_find", lambda *_: found)
    monkeypatch.setattr(enter, "note", lambda *_: None)
    monkeypatch.setattr(enter, "enter", lambda _e, _p, command, **_: asked.update(command=command) or 3)
    monkeypatch.setattr(databases, "figures", lambda _: FIGURES)
    done = {"database": "x", "kept": "x_replaced_1", "restore_point": "p"}
    monkeypatch.setattr(
        databases,
        "restore",
        lambda _l, _path, name, **more: asked.update(name=name, **more) or {**done, "database": name},
    )
    api.answer("POST", "/api/v1/environments/shop/production/exec", {})
    return asked


def test_the_figures_are_shown_with_what_deserves_attention(live: dict[str, Any], havre: Havre) -> None:
    result = havre("db", "stats", "-p", "shop")
    assert result.exit_code == 0
    for told in (
        "17.2, up 2h 00m",
        "4 of 97",
        "98.7% of the pages",
        "1m 15s",
        "SELECT $1",
        "public.t",
        "walreceiver: streaming, 5.0 MB behind, 4.0s",
        "copy: read by nobody, holds 7.0 MB of WAL",
        "1 segments wait, the first for 2.0s; 0 failures",
    ):
        assert told in result.stdout, told
    assert "a transaction is open" in result.stderr
    assert json.loads(havre("db", "stats", "-p", "shop", "--json").stdout) == FIGURES


def test_a_session_is_the_applications_and_ends_as_psql_did(
    live: dict[str, Any], api: StandIn, havre: Havre
) -> None:
    assert havre("db", "psql", "-p", "shop", "--", "-c", "SELECT 1").exit_code == 3
    assert live["command"] == [
        "env", "PGOPTIONS=-c role=shop", "psql", "--username=postgres", "--dbname=shop", "-c", "SELECT 1",
    ]  # fmt: skip
    (recorded,) = api.of("POST", "/api/v1/environments/shop/production/exec")
    assert recorded.body["program"] == "psql"
    havre("db", "psql", "-p", "shop", "--admin")
    assert live["command"] == ["env", "psql", "--username=postgres", "--dbname=shop"]


def test_a_dump_comes_back_beside_unless_replacing_is_confirmed(
    live: dict[str, Any], havre: Havre, tmp_path: Path
) -> None:
    dump = tmp_path / "shop.dump"
    assert havre("db", "restore", str(dump), "-p", "shop").exit_code == 64
    dump.write_bytes(b"PGDMP")
    assert havre("db", "restore", str(dump), "-p", "shop").exit_code == 0
    assert (live["name"], live["replace"]) == ("shop_restored", False)
    live.clear()
    for confirmed in ([], ["--yes-replace", "shop"]):
        assert havre("db", "restore", str(dump), "-p", "shop", "--replace", *confirmed).exit_code == 64
    assert live == {}
    result = havre("db", "restore", str(dump), "-p", "shop", "--replace", "--yes-replace", "shop-production")
    assert result.exit_code == 0
    assert (live["name"], live["replace"]) == ("shop", True)
    assert "x_replaced_1" in result.stderr
    assert "erase them again" in result.stderr


def test_a_copy_takes_the_place_of_an_environment_only_if_that_is_confirmed(
    live: dict[str, Any], havre: Havre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "find", lambda *_: SimpleNamespace(database="club"))
    manifest = {
        "project": "club",
        "services": {"db": {"kind": "postgres", "privacy": {"tables": {"m": {"email": "email"}}}}},
        "environments": {"production": {}, "staging": {}},
    }
    (tmp_path / "havre.yaml").write_text(json.dumps(manifest))
    copy = ["anonymise", "--from", "club.dump", "--to", "staging"]
    for confirmed in ([], ["--yes-replace", "club-production"]):
        result = havre(*copy, *confirmed)
        assert result.exit_code == 64
        assert "confirmed" in str(result.exception) or "is not 'club-staging'" in str(result.exception)
    original = havre(
        "anonymise", "--from", "staging", "--live", "--to", "staging", "--yes-replace", "club-staging"
    )
    assert str(original.exception) == "staging is the original"
    missing = havre(*copy, "--yes-replace", "club-staging")
    assert "club.dump cannot be read" in str(missing.exception), "and nothing was replaced"
    assert live == {}
