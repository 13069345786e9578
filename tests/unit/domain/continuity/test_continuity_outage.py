"""When a storage that died is given up."""

from __future__ import annotations

from havre.domain.continuity.outage import Outage

PATIENCE = 60.0


def test_one_that_answered_is_given_up_after_a_while() -> None:
    outage = Outage(PATIENCE)
    assert not outage.is_over_long(answers=True, now=10.0)
    assert not outage.is_over_long(answers=False, now=10.0 + PATIENCE)
    assert outage.is_over_long(answers=False, now=10.1 + PATIENCE)
    assert not outage.is_over_long(answers=True, now=10.2 + PATIENCE)


def test_one_that_never_answered_here_says_nothing() -> None:
    outage = Outage(PATIENCE)
    assert not outage.is_over_long(answers=False, now=10.0)
    assert not outage.is_over_long(answers=False, now=10.0 + 10 * PATIENCE)
