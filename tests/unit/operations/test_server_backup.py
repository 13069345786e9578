"""Copies of the state: complete, closed, and put back whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from havre.config import Config
from havre.errors import ServerError, UsageError
from havre.operations.server import backup


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(state=tmp_path / "state")
    for folder in (made.paths.db, made.paths.keys, made.paths.traefik_acme):
        folder.mkdir(parents=True)
    (made.paths.private_key).write_text("key")
    write(made, "before")
    return made


def write(config: Config, value: str) -> None:
    with closing(sqlite3.connect(config.paths.database)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE IF NOT EXISTS it (value text)")
        database.execute("DELETE FROM it")
        database.execute("INSERT INTO it VALUES (?)", (value,))
        database.commit()


def value(file: Path) -> str:
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT value FROM it").fetchone()[0])


def test_a_copy_holds_what_is_only_in_the_log_and_is_closed_to_others(config: Config) -> None:
    with closing(sqlite3.connect(config.paths.database)) as holder:
        holder.execute("SELECT 1 FROM it").fetchone()  # keeps the write-ahead log from being merged
        write(config, "in the log")
        copy = backup.make(config, "0.1.0")
    assert value(copy / backup.DATABASE) == "in the log"
    assert (copy / "keys/secrets.key").read_text() == "key"
    for path, mode in ((copy.parent, 0o700), (copy, 0o700), (copy / backup.DATABASE, 0o600)):
        assert path.stat().st_mode & 0o777 == mode


def test_what_was_written_since_is_gone_when_it_is_put_back(config: Config) -> None:
    copy = backup.make(config, "0.1.0")
    write(config, "after")
    log = config.paths.database.with_name("havre.sqlite3-wal")
    log.write_bytes(b"left by a process that died")
    backup.put_back(config, copy)
    assert not log.exists(), "the log of another database would be replayed into it"
    assert value(config.paths.database) == "before"


def test_a_copy_that_is_missing_changes_nothing(config: Config) -> None:
    with pytest.raises(ServerError, match="could not be put back"):
        backup.put_back(config, config.state / "backups/none")
    assert value(config.paths.database) == "before"


def test_only_the_newest_are_kept(config: Config) -> None:
    for number in range(backup.KEPT + 2):
        (backup.folder(config) / f"2026010{number}T000000-0.1.0").mkdir(parents=True)
    (backup.folder(config) / ".20260109T000000-0.1.0").mkdir()
    backup.prune(config)
    assert [copy.name[:8] for copy in backup.copies(config)] == [f"2026010{n}" for n in range(2, 7)]


def test_a_database_of_ones_own_has_to_be_saved_first(tmp_path: Path) -> None:
    config = Config(state=tmp_path, database_url="postgres://havre@db/havre")
    with pytest.raises(UsageError, match="PostgreSQL"):
        backup.require_copyable(config, is_saved=False)
    backup.require_copyable(config, is_saved=True)
