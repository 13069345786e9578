"""RTO and RPO, held against their objectives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.objectives import Loss, Objectives, as_objectives, loss, missed, shown

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "here", "there", "since", "expected"),
    [
        pytest.param(timedelta(days=3), 800, 800, 0, Loss(0.0, 0), id="at rest for days: nothing is lost"),
        pytest.param(timedelta(seconds=1), 800, 812, 0, Loss(0.0, 0), id="the copy has even more"),
        pytest.param(timedelta(seconds=90), 805, 800, 0, Loss(90.0, 5), id="five transactions in 90 s"),
        pytest.param(timedelta(seconds=90), 800, 800, 1, Loss(90.0, 1), id="one had begun, not ended"),
        pytest.param(timedelta(seconds=90), None, 800, 0, Loss(90.0, None), id="the original is gone"),
        pytest.param(timedelta(seconds=-5), 801, 800, 0, Loss(0.0, 1), id="clocks that differ"),
        pytest.param(None, 801, 800, 0, Loss(None, 1), id="no commit is known"),
    ],
)
def test_what_a_restore_loses(
    last: timedelta | None, here: int | None, there: int, since: int, expected: Loss
) -> None:
    found = loss(
        now=NOON,
        last_commit=None if last is None else NOON - last,
        next_here=here,
        next_there=there,
        committed_since=since,
    )
    assert found == expected


def test_a_copy_with_the_same_rows_lost_nothing_whatever_housekeeping_did() -> None:
    last = NOON - timedelta(days=3)
    assert loss(now=NOON, last_commit=last, next_here=802, next_there=800, is_equal=True) == Loss(0.0, 2)


def test_objectives_that_are_not_met_are_told_and_what_was_not_measured_is_not_judged() -> None:
    aims = Objectives(rto=600, rpo=60)
    assert missed(aims, rto=600, losses={"db": 60.0, "stats": None}) == []
    assert missed(aims, rto=None, losses={}) == []
    assert missed(aims, rto=601, losses={"db": 61.0}) == [
        "it took 10 min 1 s, the objective (RTO) is 10 min",
        "db would lose 1 min 1 s, the objective (RPO) is 1 min",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_spans_of_time_are_written_in_two_units_at_most(seconds: float, text: str) -> None:
    assert shown(seconds) == text


def test_objectives_are_stored_and_read_back() -> None:
    assert as_objectives(Objectives(rto=1, rpo=2).as_data()) == Objectives(rto=1, rpo=2)
