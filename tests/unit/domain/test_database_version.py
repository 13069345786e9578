"""Which version a database gets, and what is in the way of a later one."""

from __future__ import annotations

from typing import Any

import pytest

from havre.domain import database_version
from havre.domain.database_version import NEWEST, VERSIONS, settled, target
from havre.errors import UsageError


@pytest.mark.parametrize(
    ("wanted", "present", "settles_on"),
    [(None, None, NEWEST), (15, None, 15), (None, 15, 15), (15, 15, 15), (17, 17, 17)],
)
def test_a_database_keeps_the_version_of_its_data(
    wanted: int | None, present: int | None, settles_on: int
) -> None:
    assert settled("db", wanted, present) == settles_on


def test_another_version_is_refused_with_the_way_to_it() -> None:
    with pytest.raises(UsageError) as caught:
        settled("db", 17, 15)
    assert "db is PostgreSQL 15, and havre.yaml asks for 17" in caught.value.message
    assert "havre db upgrade --service db" in caught.value.hint
    with pytest.raises(UsageError, match="no way back") as caught:
        settled("db", 15, 17)
    assert "version: 17" in caught.value.hint


def test_an_upgrade_goes_to_the_newest_version_and_only_forward() -> None:
    assert target("db", VERSIONS[0], None) == NEWEST
    for present, wanted, why in (
        (NEWEST, None, "already"),
        (17, 15, "no way back to 15"),
        (15, 16, "runs no PostgreSQL 16"),
    ):
        with pytest.raises(UsageError, match=why):
            target("db", present, wanted)


def facts(**more: Any) -> dict[str, Any]:
    plain = {"size": 1_000_000_000, "databases": ["shop"], "prepared": 0, "tablespaces": 0}
    return {**plain, "slots": 0, "subscriptions": 0, **more}


def planned(free: int = 10_000_000_000, **more: Any) -> database_version.UpgradePlan:
    return database_version.plan("db", 15, 17, facts(**more), free=free, is_saved=True)


def test_a_plan_tells_what_it_will_do() -> None:
    made = planned()
    assert made.as_data()["steps"] == list(made.steps)
    assert any("take 1000 MB over into a new cluster (shop)" in step for step in made.steps)
    assert not made.notes
    assert len(planned(slots=2, subscriptions=1).notes) == 2


@pytest.mark.parametrize("lost", ["prepared", "tablespaces"])
def test_what_would_be_lost_is_in_the_way(lost: str) -> None:
    with pytest.raises(UsageError, match="which cannot be taken along"):
        planned(**{lost: 1})


def test_there_has_to_be_room_for_the_new_cluster_and_the_dump() -> None:
    planned(free=2_400_000_000)
    with pytest.raises(UsageError, match=r"needs 2\.4 GB .* 2\.4 GB"):
        planned(free=2_399_999_999)


def test_the_cause_of_a_failure_is_the_first_error() -> None:
    log = [
        "havre-upgrade: database shop",
        "pg_restore: error: could not execute query: ERROR:  function gone() does not exist",
        "pg_restore: error: a worker process died",
    ]
    assert database_version.cause(log) == "function gone() does not exist"
    assert database_version.cause(["x", "pg_dump: error: no such thing", "y"]) == "no such thing"
    assert database_version.cause(["psql: no such thing"]) == "psql: no such thing"
    assert database_version.cause([]) == "it wrote nothing"
