"""Whether the date may be believed by which copies are removed."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from havre.domain.continuity.dates import HOLD, TOLERANCE, Belief, looked
from havre.domain.continuity.info import copying
from havre.domain.continuity.repositories import Repository
from havre.domain.moments import Moment

DAY = 86_400.0
WEEKS = 42 * DAY
START = Moment(wall=1_800_000_000.0, steady=1_000.0, boot="a")
MINUTE = 60.0


class Machine:
    """Its clocks, and what is believed of them by who looks every minute."""

    def __init__(self) -> None:
        self.now = START
        self.known = looked(None, START)

    def set(self, seconds: float) -> None:
        self.now = Moment(self.now.wall + seconds, self.now.steady, self.now.boot)

    def boot(self, off: float = 0.0) -> None:
        self.now = Moment(self.now.wall + off, 5.0, f"{self.now.boot}b")

    def run(self, seconds: float, every: float = MINUTE) -> None:
        for _ in range(int(seconds / every)):
            self.now = Moment(self.now.wall + every, self.now.steady + every, self.now.boot)
            self.look()

    def look(self) -> str:
        self.known = looked(Belief.stored(json.loads(json.dumps(self.known.facts()))), self.now)
        return self.known.doubt


def test_time_that_passes_is_believed_however_seldom_somebody_looks() -> None:
    machine = Machine()
    machine.run(400 * DAY, every=50 * DAY)
    assert not machine.known.doubt
    machine.set(TOLERANCE - 1)
    assert not machine.look(), "a time service, daylight saving, a leap second"


def test_a_jump_is_not_believed_until_it_stood_for_long() -> None:
    machine = Machine()
    machine.run(10 * MINUTE)
    machine.set(WEEKS)
    assert "went forward by 42 days" in machine.look(), "at once"
    machine.run(HOLD - 2 * MINUTE)
    assert "0 hours to go" in machine.known.doubt
    machine.run(3 * MINUTE)
    assert not machine.known.doubt, "nobody put it right, so it is"
    machine.run(DAY)
    assert not machine.known.doubt


def test_a_jump_that_is_put_right_is_over_at_once() -> None:
    machine = Machine()
    machine.set(WEEKS)
    assert machine.look()
    machine.run(3 * DAY)
    assert machine.known.doubt
    machine.set(-WEEKS)
    assert not machine.look()
    machine.set(WEEKS)
    assert machine.look(), "what it stood for before does not count"
    machine.run(HOLD - DAY)
    assert machine.known.doubt


def test_a_clock_that_was_behind_may_be_set_right() -> None:
    machine = Machine()
    machine.set(-WEEKS)
    assert not machine.look()
    machine.run(DAY)
    machine.set(WEEKS)
    assert not machine.look()


def test_another_jump_begins_anew() -> None:
    machine = Machine()
    machine.set(WEEKS)
    machine.run(HOLD - DAY)
    machine.set(WEEKS)
    machine.run(2 * DAY)
    assert "84 days" in machine.known.doubt


def test_a_boot_ends_no_doubt_and_begins_none() -> None:
    machine = Machine()
    machine.run(DAY)
    machine.boot(off=600.0)
    assert not machine.look()
    machine.boot(off=-5 * DAY)
    assert not machine.look(), "its battery is empty"
    machine.boot(off=5 * DAY)
    assert not machine.look()
    machine.boot(off=WEEKS)
    assert machine.look(), "switched off, or set: nobody knows"
    machine.run(HOLD / 2)
    machine.boot()
    assert machine.look()
    machine.run(HOLD / 2 + 2 * MINUTE)
    assert not machine.known.doubt


@pytest.mark.parametrize("every", [15.0, 3600.0, DAY])
def test_doubt_only_ends_with_time(every: float) -> None:
    machine = Machine()
    machine.set(2 * DAY)
    machine.look()
    held = [machine.known.held]
    for _ in range(5):
        machine.run(every, every=every)
        held.append(machine.known.held)
    assert all(later - earlier == every for earlier, later in pairwise(held))


def test_a_backup_removes_nothing_old_while_the_date_is_doubted() -> None:
    believed = copying(Repository.OFFSITE, "full", 7, removes_old=True)
    doubted = copying(Repository.OFFSITE, "full", 7, removes_old=False)
    assert "--repo=2" in believed
    assert "--annotation=havre-operation=7" in believed
    assert set(doubted) - set(believed) == {"--no-expire-auto"}
    assert believed[-1] == doubted[-1] == "backup"
