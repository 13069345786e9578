"""What a return to a restore point would lose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.losses import Counters, Loss, Losses, Point, losses, point_for

POINT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def lost(then: Counters, present: Counters) -> Losses:
    return losses(then, present, point=POINT, now=POINT + timedelta(minutes=5))


def test_what_grew_since_is_lost_the_most_written_first() -> None:
    then = Counters("x", {"public.a": (5, 1, 0), "public.b": (7, 0, 0), "other.c": (0, 0, 0)})
    present = Counters("x", {"public.a": (6, 1, 0), "public.b": (7, 0, 0), "other.c": (2, 3, 4)})
    found = lost(then, present)
    assert found.tables == (Loss("other.c", 2, 3, 4), Loss("a", 1, 0, 0))
    assert not found.is_least
    assert str(found.tables[0]) == "other.c: 2 inserted, 3 changed, 4 deleted"
    assert found.as_data()["seconds"] == 300


def test_a_new_table_is_lost_whole_and_one_made_anew_too() -> None:
    then = Counters("x", {"public.a": (5, 0, 0)})
    assert lost(then, Counters("x", {"public.a": (2, 0, 0), "public.n": (3, 0, 0)})).tables == (
        Loss("n", 3, 0, 0),
        Loss("a", 2, 0, 0),
    )


def test_counters_that_began_anew_tell_the_least_only() -> None:
    found = lost(Counters("x", {"public.a": (5, 0, 0)}), Counters("y", {"public.a": (2, 0, 0)}))
    assert found.is_least
    assert found.tables == (Loss("a", 2, 0, 0),)


def test_they_are_stored_and_read_back() -> None:
    counters = Counters("x", {"public.a": (5, 1, 0)})
    assert Counters.read(counters.as_data()) == counters
    assert Counters.read({"since": None, "tables": None}) == Counters("", {})


@pytest.mark.parametrize(
    ("number", "points", "expected"),
    [
        (1, [], None),
        (1, [Point(1, None)], None),
        (1, [Point(2, 1), Point(3, 2)], 2),
        (1, [Point(2, 1), Point(4, 1), Point(5, 4)], 4),
        (1, [Point(3, 2), Point(4, 3)], 3),
        (2, [Point(2, 1)], None),
    ],
)
def test_the_data_of_a_release_is_before_what_followed_it(
    number: int, points: list[Point], expected: int | None
) -> None:
    assert point_for(number, points) == expected
