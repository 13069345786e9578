from math import inf

import pytest

from havre.domain.metrics.counters import Reading, growth, percentile, rates


def test_rates_are_growth_a_second():
    assert rates(Reading(10, {"a": 5, "b": 1}), Reading(20, {"a": 25, "c": 9})) == {"a": 2.0}


def test_a_counter_that_fell_began_anew():
    assert rates(Reading(0, {"a": 1000}), Reading(10, {"a": 30})) == {"a": 3.0}


def test_no_rate_without_an_earlier_reading_or_after_a_long_gap():
    assert rates(None, Reading(0, {"a": 1})) == {}
    assert rates(Reading(0, {"a": 1}), Reading(61, {"a": 2})) == {}
    assert rates(Reading(5, {"a": 1}), Reading(5, {"a": 2})) == {}


def test_growth_of_a_histogram_with_a_restart():
    assert growth({0.1: 5, inf: 9}, {0.1: 6, inf: 12}) == {0.1: 1, inf: 3}
    assert growth({0.1: 5, inf: 9}, {0.1: 2, inf: 10}) == {0.1: 2, inf: 10}


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 0.1), (0.25, 0.05), (0.75, 0.15), (0.95, 0.9), (0.99, 1.0), (0.0, 0.0)]
)
def test_percentiles_are_interpolated(share, value):
    # Half are below 0.1, four fifths of the rest below 0.2 (so 0.75 is at 5/8 of it), 0.98 below 1.
    within = {0.1: 50, 0.2: 100 * 0.9, 1.0: 98, inf: 100}
    expected = {0.75: 0.1 + 0.1 * 25 / 40, 0.95: 0.2 + 0.8 * 5 / 8}.get(share, value)
    assert percentile(share, within) == pytest.approx(expected)


def test_nothing_counted_has_no_percentile():
    assert percentile(0.5, {}) is None
    assert percentile(0.5, {0.1: 0, inf: 0}) is None
