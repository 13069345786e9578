"""Time that passed, whatever became of the clock."""

from __future__ import annotations

import json

import pytest

from havre.adapters.host import moments as host
from havre.domain.moments import Moment, seconds_between, was_set

DAY = 86400.0
BEGAN = Moment(wall=1_000_000.0, steady=500.0, boot="a")


def later(seconds: float, *, set_by: float = 0.0) -> Moment:
    """The moment so many seconds later, of a clock that was set meanwhile."""
    return Moment(BEGAN.wall + seconds + set_by, BEGAN.steady + seconds, "a")


@pytest.mark.parametrize("set_by", [0.0, DAY, -DAY, 400 * DAY])
def test_what_passed_does_not_depend_on_the_clock_of_the_wall(set_by: float) -> None:
    assert seconds_between(BEGAN, later(30.0, set_by=set_by)) == 30.0


def test_after_a_boot_the_clock_of_the_wall_has_to_do() -> None:
    assert seconds_between(BEGAN, Moment(BEGAN.wall + 90.0, 3.0, "b")) == 90.0
    assert seconds_between(BEGAN, Moment(BEGAN.wall - DAY, 3.0, "b")) == 0.0


def test_a_clock_that_was_set_is_noticed_and_one_that_is_slowly_corrected_is_not() -> None:
    assert not was_set(BEGAN, later(DAY, set_by=0.4))
    assert was_set(BEGAN, later(5.0, set_by=-3600.0))
    assert was_set(BEGAN, later(5.0, set_by=2.0))
    assert was_set(BEGAN, Moment(BEGAN.wall + 5.0, BEGAN.steady + 5.0, "b"))


def test_a_moment_is_stored_as_json_and_comes_back() -> None:
    moment = host.now()
    assert Moment.stored(json.loads(json.dumps(moment.facts()))) == moment
    assert Moment.stored({}) is None
    assert 0.0 <= seconds_between(moment, host.now()) < 60.0
    assert moment.boot
