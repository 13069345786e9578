"""Saving what is no database: when it is queued, and how the records of a lost server begin anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from havre.manifest import load
from havre.records import continuity, queries, returning, saving
from havre.records.models import BackupStorage, Environment, Operation, Release
from havre.records.protection import kit_is_stored

pytestmark = pytest.mark.django_db
STORAGE = {"endpoint": "https://s3.example.org", "bucket": "b"}
MANIFEST = """\
project: shop
services:
  web: {kind: static, build: {command: "true", output: x}, domain: www.example.org}
"""
SOON = timedelta(minutes=2)


def live() -> Environment:
    environment = queries.ensure_environment("shop", "production", source="x")
    spec = load(MANIFEST).for_environment("production").model_dump(mode="json")
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(operation, Operation.State.SUCCEEDED)
    release: Release = queries.new_release(environment, operation, spec=spec, secret_versions={})
    queries.go_live(release)
    return Environment.objects.get(pk=environment.pk)


def end(operation: Operation | None, state: Operation.State, **result: object) -> None:
    assert operation is not None
    queries.finish(operation, state, result=dict(result))


def test_it_is_queued_once_when_it_is_due_and_an_off_site_storage_is_set() -> None:
    environment = live()
    later = timezone.now() + SOON
    assert saving.save_if_due(environment, later) is None
    continuity.set_storage(actor="ada", **STORAGE)
    queued = saving.save_if_due(environment, later)
    assert queued is not None
    assert saving.save_if_due(environment, later) is None, "one at a time"
    end(queued, Operation.State.SUCCEEDED, release=1, images={"a@sha256:1": "sha256:2"})
    assert saving.save_if_due(environment, later) is None
    assert saving.image_ids(environment) == {"a@sha256:1": "sha256:2"}
    continuity.set_storage(actor="ada", **{**STORAGE, "bucket": "another"})
    assert saving.save_if_due(environment, later) is not None, "another storage has nothing yet"


def test_nothing_is_saved_while_an_environment_comes_back() -> None:
    environment = live()
    continuity.set_storage(actor="ada", **STORAGE)
    back = queries.enqueue("rebuild", environment, {}, actor="rebuild")
    assert saving.is_coming_back(environment)
    assert saving.save_if_due(environment, timezone.now() + SOON) is None
    end(back, Operation.State.SUCCEEDED)
    assert saving.save_if_due(environment, timezone.now() + SOON) is not None


def test_the_doctor_is_told_what_was_saved_and_why_not_since() -> None:
    environment = live()
    end(queries.enqueue("save", environment, {}, actor="x"), Operation.State.SUCCEEDED, state_snapshot="1")
    (found,) = saving.returnable_environments()
    assert (found.name, found.problem) == ("shop-production", "")
    assert found.saved is not None
    failed = queries.enqueue("save", environment, {}, actor="x")
    Operation.objects.filter(pk=failed.pk).update(state="failed", error={"message": "the disk is full"})
    (after,) = saving.returnable_environments()
    assert (after.saved, after.problem) == (found.saved, "the disk is full")


def test_a_save_that_reached_the_storage_counts_though_another_place_failed() -> None:
    environment = live()
    assert saving.seen_files(environment).since is None, "there is no off-site storage"
    continuity.set_storage(actor="ada", **STORAGE)
    half = queries.enqueue("save", environment, {}, actor="x")
    Operation.objects.filter(pk=half.pk).update(
        state="failed",
        error={"message": "local: the disk is full"},
        result={"state_snapshot": "1"},
        finished_at=timezone.now(),
    )
    seen = saving.seen_files(environment)
    assert seen.failed == "local: the disk is full"
    assert seen.offsite is not None
    assert seen.since is not None
    given_up = queries.enqueue("save", environment, {}, actor="x")
    Operation.objects.filter(pk=given_up.pk).update(state="cancelled")
    assert saving.seen_files(environment).failed, "who cancelled one has not repaired anything"


def test_deployments_do_not_hide_that_nothing_is_saved() -> None:
    environment = live()
    continuity.set_storage(actor="ada", **STORAGE)
    long_ago = timezone.now() - timedelta(days=4)
    Release.objects.update(live_at=long_ago)
    BackupStorage.objects.update(created_at=long_ago)
    environment = live()
    assert saving.seen_files(environment).since == long_ago
    end(queries.enqueue("destroy", environment, {}, actor="ada"), Operation.State.SUCCEEDED)
    assert saving.seen_files(live()).since != long_ago, "what was destroyed owes nothing"


def test_what_is_wrong_is_remembered() -> None:
    environment = live()
    assert saving.watch_of(environment) == {}
    saving.record_watch(environment, {"problems": {"save": "x"}})
    assert saving.watch_of(environment) == {"problems": {"save": "x"}}


def test_a_kit_is_stored_until_the_storage_changes() -> None:
    row = continuity.set_storage(actor="ada", **STORAGE)
    assert not kit_is_stored()
    continuity.record_kit_stored(row, actor="ada")
    assert kit_is_stored()
    continuity.set_storage(actor="ada", **STORAGE)
    assert not kit_is_stored(), "a key may have changed"


def test_the_records_of_a_lost_server_end_what_was_under_way_and_ask_for_what_comes_back() -> None:
    environment = live()
    queries.ensure_environment("empty", "production", source="x")
    running = queries.enqueue("save", environment, {}, actor="scheduler")
    Operation.objects.filter(pk=running.pk).update(state="running", result={"images": {"a": "b"}})
    environment.shift = {"release": 2}
    environment.save()
    numbers, hosts = returning.prepare()
    running.refresh_from_db()
    assert running.state == "failed"
    assert running.result == {"images": {"a": "b"}}, "what it had found out is needed"
    assert (running.error or {})["message"] == "the server was lost during it"
    assert list(numbers) == ["shop-production"]
    assert Operation.objects.get(pk=numbers["shop-production"]).kind == "rebuild"
    assert hosts == ["www.example.org"]
    environment.refresh_from_db()
    assert environment.shift == {}
    again, _ = returning.prepare()
    assert Operation.objects.filter(kind="rebuild", state="queued").count() == 1
    assert again != numbers


def test_an_older_release_serves_instead_of_one_that_is_lost() -> None:
    environment = live()
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    spec = {**environment.releases.get().spec}
    second = queries.new_release(environment, operation, spec=spec, secret_versions={}, storage_version=7)
    queries.go_live(second)
    environment.refresh_from_db()
    for _ in range(2):
        returning.serve_instead(environment, 1)
        environment.refresh_from_db()
        release = environment.current_release
        assert release is not None
        assert (release.number, release.storage_version) == (1, 7), "databases are saved where they were"
    assert [each.number for each in queries.served_releases(environment)] == [2, 1]
    assert queries.releases_that_changed_data(environment, since=0) == []
    environment.releases.filter(number=2).update(restore_point={"name": "release-2"})
    assert queries.releases_that_changed_data(environment, since=1) == [2]
    assert queries.releases_that_changed_data(environment, since=2) == []
