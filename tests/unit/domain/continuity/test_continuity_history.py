"""Which timeline a moment is on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from havre.domain.continuity.history import Branch, ancestors_of, timeline_of_time

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HISTORY = """1\t0/A1000A0\tno recovery target specified

2\t0/C000110\tbefore 2026-11-20 11:30:00.25+00
"""
BRANCHES = [
    Branch(2, NOON - 2 * HOUR, ((1, "0/A1000A0"),)),
    Branch(3, NOON, ((1, "0/A1000A0"), (2, "0/C000110"))),
]


def test_a_history_file_names_what_led_to_a_timeline() -> None:
    assert ancestors_of(HISTORY) == ((1, "0/A1000A0"), (2, "0/C000110"))
    assert ancestors_of("") == ()


def test_a_moment_is_on_the_timeline_that_was_written_then() -> None:
    assert timeline_of_time(NOON - 3 * HOUR, BRANCHES) == 1
    assert timeline_of_time(NOON - HOUR, BRANCHES) == 2
    assert timeline_of_time(NOON + HOUR, BRANCHES) == 3


def test_without_a_restore_nothing_is_known() -> None:
    assert timeline_of_time(NOON, []) == 0


def test_it_is_stored_and_read_back() -> None:
    assert Branch.stored(BRANCHES[1].as_data()) == BRANCHES[1]
