"""What is recorded when two releases share requests, whichever of them is the live one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from havre.operations.rollout.shifting import end_sharing, share
from havre.records import queries
from havre.records.models import Environment


@pytest.fixture
def run(db) -> Any:
    """An operation in an environment of which release 1 is live; who publishes is only counted."""
    environment = queries.ensure_environment("shop", "production", source="/srv/shop.git")
    for number in (1, 2, 3):
        operation = queries.enqueue("deploy", environment, {}, actor="root")
        release = queries.new_release(environment, operation)
        if number == 1:
            queries.go_live(release)
    environment.refresh_from_db()
    published: list[dict[str, Any]] = []
    routing = SimpleNamespace(publish=lambda row: published.append(row.shift))
    return SimpleNamespace(
        environment=environment, platform=SimpleNamespace(routing=routing), published=published
    )


def releases(run: Any) -> Any:
    return [run.environment.releases.get(number=number) for number in (1, 2, 3)]


def test_the_share_is_that_of_the_release_that_is_not_live(run: Any) -> None:
    one, two, _ = releases(run)
    share(run, two, one, {"api": 5}, sticky=frozenset({"api"}))
    first = {"release": 2, "weights": {"api": 5}, "sticky": ["api"], "leaving": []}
    assert Environment.objects.get().shift == first
    share(run, one, two, {"web": None}, leaving=frozenset({"t1"}))  # the way back names them the other way
    second = {"release": 2, "weights": {"api": 5, "web": None}, "sticky": ["api"], "leaving": ["t1"]}
    assert Environment.objects.get().shift == second
    assert run.published == [first, second]  # recorded first, then written


def test_what_another_release_left_is_not_taken_over(run: Any) -> None:
    one, two, three = releases(run)
    share(run, two, one, {"api": 5}, leaving=frozenset({"t1"}))
    share(run, three, one, {"web": 25})
    assert Environment.objects.get().shift["release"] == 3
    assert Environment.objects.get().shift["weights"] == {"web": 25}


def test_in_the_end_one_release_has_all(run: Any) -> None:
    one, two, _ = releases(run)
    share(run, two, one, {"api": 5})
    end_sharing(run)
    assert Environment.objects.get().shift == {}
    assert run.published[-1] == {}
