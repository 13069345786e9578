"""What the records and the folders of the state directory say is needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from havre.config import Config, Paths
from havre.domain.audit import Kind
from havre.manifest import load
from havre.operations import audit, scratch
from havre.records import needs, queries
from havre.records.models import Environment, Operation, Release

pytestmark = pytest.mark.django_db

MANIFEST = """
project: shop
services:
  api: {kind: app, build: ., port: 3000, health: /up, volumes: ['files:/data']}
  db: {kind: postgres, backups: true}
"""


def environment() -> Environment:
    return queries.ensure_environment("shop", "production", source="x")


def release(of: Environment, *, live: bool = True) -> Release:
    operation = queries.enqueue("deploy", of, {}, actor="ada")
    made = queries.new_release(
        of,
        operation,
        spec=load(MANIFEST).for_environment("production").model_dump(mode="json"),
        secret_versions={"db.password": 1},
    )
    made.swarm_services = {"api": f"shop-production-api-r{made.number}"}
    made.save()
    if live:
        queries.go_live(made)
        queries.finish(operation, Operation.State.SUCCEEDED)
    return made


def test_an_environment_needs_what_its_live_and_kept_releases_name() -> None:
    of = environment()
    for _ in range(3):
        release(of)
    of.refresh_from_db()
    owner = audit._owner(of)
    assert owner.is_live
    assert owner.needed[Kind.SERVICE] == {
        "shop-production-api-r3", "shop-production-api-r2", "shop-production-db",
    }  # fmt: skip
    assert owner.serving >= {"shop-production-api-r3", "shop-production-db"}
    assert "shop-production-api-r2" not in owner.serving
    assert owner.needed[Kind.VOLUME] == {
        "shop-production-db", "shop-production-db.backups", "shop-production-files",
    }  # fmt: skip
    (config,) = owner.needed[Kind.CONFIG]
    assert config.startswith("shop-production-db-backups-")
    assert owner.needed[Kind.SECRET] == {"shop-production-db-password-v1"}
    assert owner.needed[Kind.NETWORK] == owner.needed[Kind.ROUTE] == {"shop-production"}


def test_an_environment_is_busy_while_an_operation_waits_runs_or_has_just_ended() -> None:
    before = needs.mark()
    operation = queries.enqueue("deploy", environment(), {}, actor="ada")
    assert needs.busy_environments(before) == {"shop-production"}
    queries.finish(operation, Operation.State.FAILED)
    assert needs.busy_environments(before) == {"shop-production"}
    assert needs.busy_environments(needs.mark()) == frozenset()


def test_a_draft_is_abandoned_when_its_operation_is_over() -> None:
    draft = release(environment(), live=False)
    assert needs.abandoned_drafts() == []
    assert draft.operation
    queries.finish(draft.operation, Operation.State.FAILED)
    assert needs.abandoned_drafts() == [draft]
    needs.give_up_draft(draft.pk)
    assert needs.abandoned_drafts() == []


def test_files_that_are_found(tmp_path: Path) -> None:
    paths = Config(state=tmp_path).paths
    for folder in (paths.traefik_dynamic, paths.sources / "7", paths.builds / "havre-git-x"):
        folder.mkdir(parents=True)
    for name in ("havre", "probes", "havre-api", "shop-production"):
        (paths.traefik_dynamic / f"{name}.yml").write_text("{}")
    found = {
        (thing.kind, Path(thing.name).name, thing.operation) for thing in audit._files(Config(state=tmp_path))
    }
    assert found == {
        (Kind.ROUTE, "shop-production", None), (Kind.FOLDER, "7", 7), (Kind.FOLDER, "havre-git-x", None),
    }  # fmt: skip


def test_a_new_worker_takes_away_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    goes_on = queries.enqueue("deploy", environment(), {}, actor="ada")
    paths = Paths(tmp_path)
    for folder in (paths.sources / "7", paths.sources / str(goes_on.pk), paths.builds / "havre-git-x"):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    scratch.take_over(paths)
    assert [path.name for path in paths.sources.iterdir()] == [str(goes_on.pk)]
    assert list(paths.builds.iterdir()) == []
    with tempfile.TemporaryDirectory() as folder:
        assert Path(folder).parent == paths.builds
