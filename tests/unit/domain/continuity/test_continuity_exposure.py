"""What would be lost now, and what `havre doctor` says about it and about drills."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.exposure import (
    Archiving,
    Drilled,
    Exposed,
    at_risk,
    drills_verdict,
    risk_verdict,
)
from havre.domain.continuity.objectives import Objectives
from havre.domain.doctor import Level

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WEEKLY = Drilled("shop-production", 7 * DAY, NOON - 30 * DAY)


@pytest.mark.parametrize(
    ("age", "waiting", "expected"),
    [
        pytest.param(None, 0, None, id="nothing was ever saved"),
        pytest.param(10.0, 0, 10.0, id="saved ten seconds ago"),
        pytest.param(86_400.0, 0, 60.0, id="at rest for a day"),
        pytest.param(86_400.0, 1, 86_400.0, id="stuck for a day"),
    ],
)
def test_what_is_at_risk(age: float | None, waiting: int, expected: float | None) -> None:
    assert at_risk(Archiving(age, waiting, timeout=45.0)) == expected


def test_what_is_streamed_is_no_more_at_risk_and_the_quicker_way_counts() -> None:
    assert at_risk(Archiving(30.0, 0, timeout=60.0, streamed=2.5)) == 2.5
    assert at_risk(Archiving(30.0, 0, timeout=60.0, streamed=900.0)) == 30.0
    assert at_risk(Archiving(900.0, 3, timeout=60.0, streamed=2.5)) == 2.5
    assert at_risk(Archiving(None, 0, timeout=60.0, streamed=2.5)) is None, "there is nothing to replay it on"


def test_an_exceeded_rpo_is_told_with_its_objective() -> None:
    good = Exposed("shop/db", 60.0, Objectives(rpo=3600))
    assert risk_verdict([]).level is Level.OK
    assert risk_verdict([good]).seen == "at most 1 min would be lost with this server now"
    told = risk_verdict(
        [good, replace(good, name="b/db", seconds=7200.0), replace(good, name="c/db", seconds=None)]
    )
    assert told.level is Level.WARNING
    assert told.seen == (
        "b/db would lose 2 h, the objective (RPO) is 1 h;"
        " c/db would lose everything: nothing of it is off-site"
    )


@pytest.mark.parametrize(
    ("drilled", "level", "told"),
    [
        pytest.param(replace(WEEKLY, last=NOON - 6 * DAY), Level.OK, "went well", id="last week"),
        pytest.param(replace(WEEKLY, last=NOON - 11 * DAY), Level.WARNING, "11 days ago", id="too long ago"),
        pytest.param(
            replace(WEEKLY, last=NOON - 11 * DAY, interval=30 * DAY), Level.OK, "went well", id="monthly"
        ),
        pytest.param(
            replace(WEEKLY, last=NOON, problem="x"), Level.WARNING, "failed: shop-production: x", id="failed"
        ),
        pytest.param(WEEKLY, Level.WARNING, "was never drilled", id="never, for weeks"),
        pytest.param(replace(WEEKLY, since=NOON - DAY), Level.OK, "is to come", id="since yesterday"),
    ],
)
def test_drills_that_failed_or_are_missing_are_told(drilled: Drilled, level: Level, told: str) -> None:
    found = drills_verdict([drilled], now=NOON)
    assert found.level is level
    assert told in found.seen


def test_many_are_counted_rather_than_named() -> None:
    found = drills_verdict([replace(WEEKLY, name=f"e{n}") for n in range(7)], now=NOON)
    assert "e4 was never drilled" in found.seen
    assert "e5" not in found.seen
