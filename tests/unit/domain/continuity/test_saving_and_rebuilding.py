"""What is saved and when; what a rebuild measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity import saving
from havre.domain.continuity.rebuilding import (
    NameChange,
    Older,
    Outcome,
    Recovered,
    Served,
    Timed,
    name_changes,
    newer_data,
    newest_commit,
    next_best,
    why_none,
)
from havre.domain.continuity.saving import Saved

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("why", "facts"),
    [
        ("it was never saved", {"last": None}),
        ("", {"last": None, "live_at": ago(seconds=20)}),
        ("", {}),
        ("release 3 is new", {"release": 3}),
        ("", {"release": 3, "live_at": ago(seconds=20)}),
        ("a database was restored", {"restored_at": ago(minutes=5)}),
        ("", {"restored_at": ago(hours=3)}),
        ("a day has passed", {"last": Saved(ago(hours=25), 2), "live_at": ago(days=3)}),
        # It is noon, so it was 10:00 an hour after the last one, and is not 13:00 yet.
        ("a day has passed", {"last": Saved(ago(hours=3), 2), "live_at": ago(days=3), "daily": "10:00"}),
        ("", {"last": Saved(ago(hours=3), 2), "live_at": ago(days=3), "daily": "13:00"}),
        ("", {"last": None, "tried_at": ago(minutes=5)}),
        ("it was never saved", {"last": None, "tried_at": ago(minutes=40)}),
    ],
)
def test_when_saving_is_due(why: str, facts: dict[str, object]) -> None:
    usual: dict[str, object] = {
        "release": 2,
        "live_at": ago(hours=2),
        "restored_at": None,
        "last": Saved(ago(hours=1), 2),
        "tried_at": None,
    }
    assert saving.due(NOW, **{**usual, **facts}) == why  # type: ignore[arg-type]


def test_what_is_saved() -> None:
    found = saving.contents(
        [{"api": "sha256:b", "db": "sha256:a"}, {"api": "sha256:c", "db": "sha256:a"}],
        volumes=["shop-data", "shop-data"],
        also=["havre/traefik:3"],
    )
    assert found.images == ("havre/traefik:3", "sha256:a", "sha256:b", "sha256:c")
    assert found.volumes == ("shop-data",)


def test_what_a_registry_had_is_named_by_its_id_afterwards() -> None:
    images = {"api": "r.example/api@sha256:1", "web": "sha256:2"}
    assert saving.renamed(images, {"r.example/api@sha256:1": "sha256:9"}) == {
        "api": "sha256:9",
        "web": "sha256:2",
    }


LOG = """\
havre-restore: replaying WAL
havre-restore: newest commit 2026-11-30T10:59:58.512300Z
""".splitlines()


def test_the_newest_commit_is_read_from_the_log_of_the_replay() -> None:
    assert newest_commit(LOG) == datetime(2026, 11, 30, 10, 59, 58, 512300, tzinfo=UTC)
    assert newest_commit([LOG[0], "havre-restore: newest commit "]) is None


def test_the_outcome_tells_time_and_loss() -> None:
    db = Recovered("shop-production db", ago(seconds=10))
    outcome = Outcome([Timed("a", "", 1.0)], [db], 75.25, NOW)
    assert outcome.loss == timedelta(seconds=10)
    assert outcome.summary() == [
        "measured RTO: 75.2 s",
        "shop-production db: newest recovered commit 2026-11-30 11:59:50 UTC, lost: 10.0 s",
        "measured data loss: 10.0 s",
    ]
    unknown = Outcome([], [db, Recovered("x", None)], 125, NOW)
    assert unknown.loss is None
    assert unknown.summary()[0] == "measured RTO: 2 min 05 s"
    assert "unknown" in unknown.summary()[-1]


def test_a_release_that_was_not_saved_is_replaced_by_the_newest_whole_one_before_it() -> None:
    live = Served(5, {"db": 17})
    others = [Served(number, {"db": 17}) for number in (2, 3, 7)]
    assert next_best(live, others) == 3
    assert next_best(live, others[2:]) is None
    assert not why_none(live, others[2:])
    told = Outcome([], [], 1.0, older=[Older("shop-production", 3, 5)]).summary()
    assert "RELEASE 5 IS LOST" in told[0]
    assert "release 3 serves" in told[0]


def test_a_release_cannot_serve_the_data_of_a_later_postgresql() -> None:
    live = Served(5, {"db": 17, "stats": 15})
    before = [
        Served(2, {"db": 17}),
        Served(3, {"db": 15, "stats": 15}),
        Served(4, {"db": 17, "stats": 17}),
        Served(6, {"db": 17, "stats": 15}),
    ]
    assert next_best(live, before) == 2, "it lacks a database, and its own has the version of the data"
    assert next_best(live, before[1:]) is None
    assert why_none(live, before[1:]) == (
        "release 4 is there, but runs stats as PostgreSQL 17, and its data are of 15"
    )


def test_that_code_is_older_than_its_data_is_told() -> None:
    assert not newer_data([])
    assert newer_data([4]).endswith("which the release command of release 4 changed")
    told = newer_data([5, 4])
    assert "releases 4, 5 changed" in told
    assert told in str(Older("shop-production", 3, 5, told))
    assert "()" not in str(Older("shop-production", 3, 5))


def test_names_that_have_to_lead_to_the_new_server() -> None:
    found = name_changes(["b.example.org", "a.localhost", "a.example.org"], "2001:db8::1")
    assert found == (NameChange("a.example.org", "2001:db8::1"), NameChange("b.example.org", "2001:db8::1"))
    assert str(found[0]) == "a.example.org. AAAA 2001:db8::1"
    assert str(NameChange("a.example.org", "192.0.2.1")) == "a.example.org. A 192.0.2.1"
