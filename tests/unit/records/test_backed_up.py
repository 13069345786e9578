"""Which databases a release backs up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from havre.domain.continuity.history import Branch
from havre.manifest import load
from havre.records import continuity, queries
from havre.records.models import Release

pytestmark = pytest.mark.django_db
STORAGE = {"endpoint": "https://s3.example.org", "bucket": "b"}


def backed_up(backups: str, **more: object) -> bool:
    of = queries.ensure_environment("shop", "production", source="x")
    text = f"project: shop\nservices:\n  db: {{kind: postgres{backups}}}\n"
    spec = load(text).for_environment("production").model_dump(mode="json")
    operation = queries.enqueue("deploy", of, {}, actor="ada")
    release: Release = queries.new_release(of, operation, spec=spec, secret_versions={}, **more)
    return "db" in continuity.databases_of(release)


@pytest.mark.parametrize(
    ("backups", "without", "beside"),
    [
        ("", False, True),
        (", backups: true", True, True),
        (", backups: {rpo: 1m}", True, True),
        (", backups: false", False, False),
        (", backups: {enabled: false, rpo: 1m}", False, False),
    ],
)
def test_it_depends_on_the_manifest_and_on_the_off_site_storage(
    backups: str, *, without: bool, beside: bool
) -> None:
    assert backed_up(backups) is without
    continuity.set_storage(actor="ada", **STORAGE)
    assert backed_up(backups) is beside
    continuity.remove_storage(actor="ada")
    assert backed_up(backups) is without


def test_a_release_from_before_there_were_backups_does_not() -> None:
    continuity.set_storage(actor="ada", **STORAGE)
    assert not backed_up(", backups: true", storage_version=None)


def test_since_when_it_is_backed_up_is_not_moved_by_deployments() -> None:
    of = queries.ensure_environment("shop", "production", source="x")
    for backups in (", backups: false", ", backups: true", ", backups: {rpo: 1m}"):
        assert backed_up(backups) is ("false" not in backups)
        queries.go_live(Release.objects.order_by("pk").last())
    first = Release.objects.order_by("pk")[1]
    assert continuity.backed_up_since(of, "db") == first.live_at
    assert continuity.backed_up_since(of, "other") is None


@pytest.mark.parametrize(
    ("params", "timelines"), [({}, [3]), ({"dry_run": False}, [3]), ({"dry_run": True}, [2, 3])]
)
def test_timelines_begin_anew_with_an_upgrade_and_not_with_its_plan(
    params: dict[str, bool], timelines: list[int]
) -> None:
    of = queries.ensure_environment("shop", "production", source="x")

    def done(kind: str, params: dict[str, bool], **result: object) -> None:
        row = queries.enqueue(kind, of, params, actor="ada")
        row.state, row.result = row.State.SUCCEEDED, {"service": "db", **result}
        row.save()

    def branch(timeline: int) -> dict[str, object]:
        return Branch(timeline, datetime(2026, 11, timeline, tzinfo=UTC), ()).as_data()

    done("restore", {}, branch=branch(2))
    done("upgrade", params)
    done("restore", {}, branch=branch(3))
    assert [each.timeline for each in continuity.branches_of(of, "db")] == timelines


def test_another_cluster_than_the_saved_one_is_told_apart() -> None:
    of = queries.ensure_environment("shop", "production", source="x")
    assert continuity.is_saved_cluster(of, "db", "7"), "nothing is saved yet"
    continuity.record_cluster(of, "db", "7")
    continuity.record_cluster(of, "other", "9")
    assert continuity.is_saved_cluster(of, "db", "7")
    assert not continuity.is_saved_cluster(of, "db", "9")
    continuity.record_cluster(of, "db", "9")
    assert continuity.is_saved_cluster(of, "db", "9")
