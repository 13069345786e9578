"""The first half of a rebuild: its journal, and the files that take their places."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from havre.config import Config
from havre.domain.continuity.kit import Kit
from havre.domain.continuity.repositories import Keys, OffSite
from havre.errors import UsageError
from havre.operations.server import backup, place, rebuild
from havre.operations.server.rebuild import Journal, Rebuilding

KIT = Kit(OffSite("https://s3.example.org", "club"), Keys("KEY", "hush", "phrase"))


def quiet(_: str) -> None:
    """Nothing is told."""


class Manager:
    """What runs Havre, as far as a rebuild asks before it begins."""

    name = "havre serve"


def test_a_journal_is_read_back_and_opens_nothing(tmp_path: Path) -> None:
    config = Config(state=tmp_path)
    assert Journal.read(config) is None
    journal = Journal(KIT.mark, "2026-11-30T12:00:00+00:00", operations={"shop-production": 5})
    journal.write(config)
    assert Journal.read(config) == journal
    file = tmp_path / "rebuild.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hush" not in file.read_text()
    Rebuilding(config, KIT, report=quiet).end()
    assert Journal.read(config) is None


def test_another_kit_does_not_go_on_with_a_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "manager", lambda _: Manager())
    config = Config(state=tmp_path)
    Journal("another", "2026-11-30T12:00:00+00:00").write(config)
    with pytest.raises(UsageError, match="another kit"):
        Rebuilding(config, KIT, report=quiet).begin()


def test_without_a_havre_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Havre runs"):
        Rebuilding(Config(state=tmp_path), KIT, report=quiet).begin()
    assert Journal.read(Config(state=tmp_path)) is None


def test_what_was_saved_takes_the_place_of_what_an_empty_havre_has(tmp_path: Path) -> None:
    old, new = Config(state=tmp_path / "old"), Config(state=tmp_path / "new")
    for config in (old, new):
        for folder in (*backup.folders(config), config.paths.db):
            folder.mkdir(parents=True)
        with closing(sqlite3.connect(config.paths.database)) as database:
            database.execute("create table note (text)")
            database.execute("insert into note values (?)", (config.state.name,))
            database.commit()
        config.paths.private_key.write_text(config.state.name)
        config.paths.private_key.chmod(0o600)
    (old.paths.traefik_acme / "acme.json").write_text("{}")
    draft = tmp_path / "draft"
    draft.mkdir()
    backup.fill(old, draft)

    for _ in range(2):  # a rebuild that was interrupted does it again
        rebuild._put_in_place(new, draft)
        with closing(sqlite3.connect(new.paths.database)) as database:
            assert database.execute("select text from note").fetchall() == [("old",)]
        assert new.paths.private_key.read_text() == "old"
        assert new.paths.private_key.stat().st_mode & 0o777 == 0o600
        assert (new.paths.traefik_acme / "acme.json").exists()


def test_settings_that_somebody_made_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "havre.toml"
    assert not rebuild._has_settings(file)
    file.write_text("# only comments\n")
    assert not rebuild._has_settings(file)
    file.write_text('domain = "panel.example.org"\n')
    assert rebuild._has_settings(file)
