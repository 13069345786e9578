"""When a canary is worse: by value, at the sizes of samples that small sites have."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.canary import Limits, Stage, Traffic, least_difference, stages, wilson, worse

LIMITS = Limits(max_error_rate=0.01, max_latency=2.0, min_requests=50)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, inf)


def traffic(requests: int, errors: int = 0, *, seconds: float = 0.02, slow: float = 0.0) -> Traffic:
    """Answers that took ``seconds``, and a share of them that took 0.4 s."""
    late = round(requests * slow)
    took = [seconds] * (requests - late) + [0.4] * late
    return Traffic(requests, errors, tuple((limit, sum(t <= limit for t in took)) for limit in BUCKETS))


def test_wilson_agrees_with_known_values() -> None:
    # Of Newcombe's two papers of 1998, at two-sided 95 %.
    assert wilson(1, 29, z=1.96) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert least_difference(Traffic(70, 56), Traffic(80, 48), z=1.96) == pytest.approx(0.0524, abs=5e-5)
    assert wilson(0, 10)[0] == pytest.approx(0)
    assert wilson(10, 10)[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("new", "old", "is_worse"),
    [
        ((100, 5), (1900, 0), True),
        ((2000, 100), (2000, 0), True),
        ((49, 49), (1000, 0), False),  # too few to say
        ((1000, 1000), (49, 0), False),  # nothing to compare with
        ((50, 1), (1000, 0), False),  # one error proves nothing
        ((60, 3), (1000, 0), True),
        ((1000, 15), (1000, 0), False),  # 1.5 % may well be 1 %
        ((100_000, 1500), (100_000, 0), True),  # now it may not
        ((1000, 100), (1000, 100), False),  # both suffer from the same
        ((200, 40), (2000, 200), True),
        ((1000, 0), (1000, 100), False),  # better
    ],
)
def test_errors(new: tuple[int, int], old: tuple[int, int], is_worse: bool) -> None:
    reason = worse(traffic(*new), traffic(*old), LIMITS)
    assert bool(reason) is is_worse
    if is_worse:
        assert f"of its {new[0]} answers" in reason
        assert f"of the old release's {old[0]}" in reason


@pytest.mark.parametrize(
    ("new", "old", "is_worse"),
    [
        (traffic(200, seconds=0.3), traffic(200, seconds=0.02), True),
        (traffic(200, seconds=0.04), traffic(200, seconds=0.002), False),  # below the floor
        (traffic(200, seconds=0.3), traffic(200, seconds=0.2), False),  # 1.5 times: allowed
        (traffic(200, seconds=0.9), traffic(200, seconds=0.2), True),
        (traffic(60, slow=0.07), traffic(2000), False),  # 4 slow ones of 60 may be chance
        (traffic(60, slow=0.3), traffic(2000), True),
        (traffic(2000, slow=0.03), traffic(2000), False),  # 95 % are quick
        (traffic(200, seconds=0.02), traffic(200, seconds=0.3), False),  # faster
        (traffic(200, seconds=7), traffic(200, seconds=3), False),  # beyond the last limit none is known
    ],
)
def test_latency(new: Traffic, old: Traffic, is_worse: bool) -> None:
    reason = worse(new, old, LIMITS)
    assert bool(reason) is is_worse
    if is_worse:
        assert "95 % of its answers came within" in reason
        assert "max_latency allows 2 times" in reason


def test_the_first_answers_of_a_program_that_was_just_started_count_for_errors_only() -> None:
    cold, warmed = traffic(100, seconds=0.4), (traffic(60), traffic(60))
    assert worse(cold, traffic(100), LIMITS)
    assert not worse(cold, traffic(100), LIMITS, warm=warmed)
    assert not worse(cold, traffic(100), LIMITS, warm=(Traffic(), Traffic()))
    assert not worse(cold, traffic(100), LIMITS, warm=(traffic(20, seconds=0.4), traffic(60)))
    assert worse(cold, traffic(100), LIMITS, warm=(traffic(60, seconds=0.4), traffic(60)))
    assert worse(traffic(100, 50), traffic(100), LIMITS, warm=(Traffic(), Traffic()))


def test_without_answers_there_is_nothing_to_say() -> None:
    assert Traffic().latency is None
    assert Traffic().error_rate == 0
    assert str(traffic(10, 1)) == "10 requests, 10.0% errors, 95 % within 24 ms"


def test_the_quantile_is_interpolated_within_its_bucket() -> None:
    assert traffic(100, seconds=0.02).latency == pytest.approx(0.01 + 0.015 * 0.95)
    assert traffic(100, seconds=5).latency == 1  # the last bucket has no upper end


def test_readings_are_subtracted_and_a_restart_of_the_router_is_seen() -> None:
    before, after = traffic(100, 3), traffic(150, 5)
    assert after.since(before) == traffic(50, 2)
    assert traffic(10).since(before) == traffic(10)
    assert traffic(120, 1).since(before) == traffic(120, 1)  # the errors fell: an earlier canary's are gone
    assert traffic(120, 3, seconds=0.3).since(before) == traffic(120, 3, seconds=0.3)
    assert after.since(Traffic()) == after


@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
)
def test_the_least_difference_is_below_the_observed_one(new: tuple[int, int], old: tuple[int, int]) -> None:
    first, second = Traffic(*new), Traffic(*old)
    assert -1.001 <= least_difference(first, second) <= first.error_rate - second.error_rate + 1e-9


def test_services_go_through_their_stages_together() -> None:
    assert stages({"api": (5, 25), "web": (10,)}) == (
        Stage((("api", 5), ("web", 10))),
        Stage((("api", 25), ("web", 10))),
    )
    assert str(Stage((("api", 5), ("web", 10)))) == "api 5 %, web 10 %"
    assert str(Stage((("api", 5), ("web", 5)))) == "5 %"
    assert stages({}) == ()
