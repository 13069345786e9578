from __future__ import annotations

import pytest

from havre.domain.logs.record import Raw
from havre.domain.logs.resuming import AT_FIRST, OVERLAP, Resumed, read_from
from havre.domain.logs.retention import Kept, expired
from havre.domain.logs.sampling import (
    LEAST_RATE,
    TELL_EVERY,
    Jump,
    Meter,
    fair_shares,
    rate_within,
    when_behind,
)
from havre.domain.logs.sources import Source, of_environment, source_of, source_of_service


def test_the_small_get_all_they_want_and_the_flood_what_is_left():
    assert fair_shares({"a": 10, "flood": 100_000, "b": 300}, 20_000) == {"a": 10, "b": 300, "flood": 19_690}
    assert fair_shares({"x": 100_000, "y": 90_000}, 20_000) == {"x": 10_000, "y": 10_000}
    assert fair_shares({}, 5) == {}


def test_a_burst_is_kept_whole_and_a_flood_is_thinned_evenly():
    meter = Meter(rate=2000, burst=10_000)
    assert meter.admit(0.0, 10_000) == 10_000
    kept = [meter.admit(1 + n / 100, 1000) for n in range(1000)]  # 100,000 a second for ten seconds
    assert sum(kept) == pytest.approx(2000 * 11, rel=0.02)
    assert set(kept[300:]) <= {19, 20, 21}  # a few of every chunk, not a second of all and then nothing


def test_what_was_left_out_is_told_soon_then_now_and_then_and_adds_up():
    meter = Meter(rate=100, burst=100)
    told, left_out = [], 0
    for tick in range(200):
        now = tick / 10
        left_out += 1000 - meter.admit(now, 1000)
        if text := meter.notice(now):
            told.append((now, text))
    last = meter.notice(20.0, at_once=True)
    assert told[0][0] <= 1.5
    assert len(told) == int((20 - told[0][0]) / TELL_EVERY) + 1
    assert (
        sum(int(text.split()[0].replace(",", "")) for text in [*(text for _, text in told), last]) == left_out
    )
    assert "100 a second" in told[0][1]
    assert meter.notice(30.0, at_once=True) == ""


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    meter = Meter(rate=100, burst=10)
    assert meter.admit(5.0, 20) == 10
    assert meter.admit(5.0, 20) == 0
    assert meter.admit(1.0, 20) == 0


def test_the_quota_of_the_day_is_not_used_up_in_the_morning():
    full = rate_within(1_000_000, 400_000, 80_000, 2000)
    later = rate_within(1_000_000_000, 600_000_000, 50_000, 2000)
    none = rate_within(1_000_000, 1_200_000, 80_000, 2000)
    assert full == 2000
    assert later == pytest.approx(400_000_000 / 60 / 50_000)
    assert none == LEAST_RATE


def test_who_is_far_behind_jumps_only_where_lines_are_left_out_anyway():
    assert when_behind(100.0, 130.0, is_thinning=True) == Jump(30.0)
    assert when_behind(100.0, 130.0, is_thinning=False) is None
    assert when_behind(100.0, 105.0, is_thinning=True) is None


def test_reading_goes_on_a_little_before_where_it_ended():
    assert read_from({"t/stdout": 5_000 * 10**9, "u/stderr": 4_000 * 10**9}, now=9_000) == 5_000 - OVERLAP
    assert read_from({}, now=9_000) == 9_000 - AT_FIRST
    assert read_from({"t/stdout": 99_000 * 10**9}, now=9_000) == 9_000 - OVERLAP  # the clock was set back


def test_what_is_stored_is_not_stored_again_and_nothing_else_is_skipped():
    resumed = Resumed({"t/stdout": 100})
    lines = [
        (90, "t", "stdout"),
        (100, "t", "stdout"),
        (95, "t", "stderr"),
        (101, "t", "stdout"),
        (99, "t", "stdout"),
        (7, "new", "stdout"),
    ]
    assert [resumed.is_new(Raw(at, task, stream, "")) for at, task, stream in lines] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_days_go_by_age_then_by_size():
    kept = [Kept("2026-11-28", 50), Kept("2026-11-01", 10), Kept("2026-11-30", 500), Kept("2026-11-29", 60)]
    assert expired(kept, today="2026-11-30", days_kept=14, most_bytes=1000) == ["2026-11-01"]
    assert expired(kept, today="2026-11-30", days_kept=14, most_bytes=600) == ["2026-11-01", "2026-11-28"]
    assert expired(kept, today="2026-11-30", days_kept=14, most_bytes=0) == [
        "2026-11-01",
        "2026-11-28",
        "2026-11-29",
    ]
    assert expired([], today="2026-11-30", days_kept=14, most_bytes=0) == []


def test_sources_are_named_by_what_writes():
    labels = {"havre.project": "shop", "havre.environment": "production", "havre.service": "api"}
    assert source_of_service("shop-production-api-r3", labels) == Source("shop", "production", "api")
    assert source_of_service("havre-router", {}) == Source("", "", "router")
    assert source_of_service("somebody-elses", {}) is None
    assert source_of(str(Source("shop", "production", "api"))) == Source("shop", "production", "api")
    known = [
        "shop/production/api",
        "shop/production/",
        "shop/production/web",
        "shop/production2/api",
        "//router",
    ]
    assert of_environment(known, "shop", "production") == [
        "shop/production/",
        "shop/production/api",
        "shop/production/web",
    ]
    assert of_environment(known, "shop", "production", ["web"]) == ["shop/production/", "shop/production/web"]
