"""When scheduled commands are due, and what becomes of what was due: by value, without a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.schedule import Action, Due, Overlap, Schedule, decide, next_look

PARIS = "Europe/Paris"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def local(expression: str, start: datetime, count: int, zone: str = PARIS) -> list[str]:
    """The next times, as clocks on the wall there show them."""
    schedule, shown, moment = Schedule(expression, zone), [], start
    for _ in range(count):
        found = schedule.after(moment)
        assert found is not None
        assert found > moment
        moment = found
        shown.append(moment.astimezone(ZoneInfo(zone)).strftime("%a %d %H:%M %z"))
    return shown


def test_the_zone_decides() -> None:
    assert local("0 3 * * *", utc(2026, 7, 1), 1) == ["Wed 01 03:00 +0200"]
    assert Schedule("0 3 * * *", PARIS).after(utc(2026, 7, 1)) == utc(2026, 7, 1, 1)
    assert Schedule("0 3 * * *").after(utc(2026, 7, 1)) == utc(2026, 7, 1, 3)


def test_days_of_the_week_are_those_of_cron() -> None:
    friday = utc(2026, 10, 23, 12)
    assert [day[:3] for day in local("0 3 * * 0", friday, 2)] == ["Sun", "Sun"]
    assert [day[:3] for day in local("0 3 * * 7", friday, 1)] == ["Sun"]
    assert [day[:3] for day in local("0 3 * * 1-5", friday, 3)] == ["Mon", "Tue", "Wed"]
    assert [day[:3] for day in local("0 3 * * fri-mon", friday, 4)] == ["Sat", "Sun", "Mon", "Fri"]
    assert [day[:3] for day in local("0 3 * * */2", friday, 4)] == ["Sat", "Sun", "Tue", "Thu"]
    assert [day[:3] for day in local("@weekly", friday, 1)] == ["Sun"]


def test_where_clocks_are_set_forward_a_run_comes_once_an_hour_later() -> None:
    assert local("30 2 * * *", utc(2026, 3, 28, 12), 2) == ["Sun 29 03:30 +0200", "Mon 30 02:30 +0200"]
    assert local("*/30 * * * *", utc(2026, 3, 29, 0, 10), 3) == [
        "Sun 29 01:30 +0100",
        "Sun 29 03:00 +0200",
        "Sun 29 03:30 +0200",
    ]


def test_where_clocks_are_set_back_a_named_hour_comes_once_and_every_hour_each_time() -> None:
    assert local("30 2 * * *", utc(2026, 10, 24, 12), 2) == ["Sun 25 02:30 +0200", "Mon 26 02:30 +0100"]
    assert local("30 * * * *", utc(2026, 10, 24, 23, 40), 3) == [
        "Sun 25 02:30 +0200",
        "Sun 25 02:30 +0100",
        "Sun 25 03:30 +0100",
    ]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("daily", "1 fields"),
        ("* * * *", "4 fields"),
        ("60 * * * *", "59"),
        ("0 0 1 * 1", "both the day of the month and the day of the week"),
        ("0 0 30 2 *", "no day meets it"),
        ("0 0 * * 8", "'8' is not a day"),
        ("0 0 * * mon-", "'mon-' is not a day"),
        ("0 0 * * */0", "'*/0' is not a day"),
        ("@reboot", "1 fields"),
        ("*/0 * * * *", "Increment"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Schedule(expression)
    assert words in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "../../etc/passwd", "/etc/localtime"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        Schedule("@daily", zone)


def ask(
    schedule: str,
    looked: datetime,
    now: datetime,
    *,
    overlap: Overlap = Overlap.SKIP,
    running: bool = False,
    waiting: bool = False,
) -> Due | None:
    return decide(
        Schedule(schedule), overlap=overlap, looked=looked, now=now, is_running=running, is_waiting=waiting
    )


def test_due_and_not_due() -> None:
    noon = utc(2026, 1, 1, 12)
    assert ask("0 * * * *", noon, noon + timedelta(minutes=59)) is None
    assert ask("0 * * * *", noon, noon + timedelta(hours=1, seconds=1)) == Due(
        noon + timedelta(hours=1), Action.RUN
    )


def test_missed_while_nobody_looked() -> None:
    night = utc(2026, 1, 1, 3)
    late = ask("0 3 * * *", night - timedelta(hours=1), night + timedelta(minutes=4))
    assert late == Due(night, Action.RUN), "within the grace it is made up for"
    missed = ask("0 3 * * *", night - timedelta(hours=1), night + timedelta(minutes=6))
    assert missed is not None
    assert (missed.action, missed.at) == (Action.MISSED, night)
    assert "6 minutes ago" in missed.why
    often = ask("* * * * *", night, night + timedelta(minutes=10, seconds=5))
    assert often is not None
    assert (often.action, often.at) == (Action.RUN, night + timedelta(minutes=10))
    assert "9 before it were missed" in often.why


def test_the_grace_is_half_the_time_to_the_next_and_five_minutes_at_most() -> None:
    assert Schedule("* * * * *").grace == timedelta(seconds=30)
    assert Schedule("@daily").grace == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("overlap", "waiting", "action"),
    [
        (Overlap.SKIP, False, Action.SKIP),
        (Overlap.QUEUE, False, Action.WAIT),
        (Overlap.QUEUE, True, Action.SKIP),
        (Overlap.REPLACE, False, Action.REPLACE),
        (Overlap.REPLACE, True, Action.REPLACE),
    ],
)
def test_overlap(overlap: Overlap, waiting: bool, action: Action) -> None:
    noon = utc(2026, 1, 1, 12)
    due = ask("0 * * * *", noon, noon + timedelta(hours=1), overlap=overlap, running=True, waiting=waiting)
    assert due is not None
    assert due.action is action


def test_a_clock_that_jumps_makes_no_burst() -> None:
    noon = utc(2026, 1, 1, 12)
    ahead = ask("* * * * *", noon, noon + timedelta(days=3650))
    assert ahead is not None
    assert ahead.action is Action.RUN, "one run, not millions"
    assert ask("* * * * *", noon, noon - timedelta(days=1)) is None


@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 3 * * *", "30 2 * * 0", "0 0 1 * *", "15 1-3 * * *"]),
    st.sampled_from(["UTC", PARIS, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(0, 6 * 366 * 86_400).map(lambda seconds: utc(2024, 1, 1) + timedelta(seconds=seconds)),
    st.timedeltas(timedelta(0), timedelta(days=40)),
)
def test_whatever_happens_time_goes_on_and_at_most_one_run_begins(
    expression: str, zone: str, looked: datetime, gone: timedelta
) -> None:
    schedule, now = Schedule(expression, zone), looked + gone
    due = decide(schedule, overlap=Overlap.SKIP, looked=looked, now=now, is_running=False, is_waiting=False)
    coming = schedule.after(now)
    assert coming is not None
    assert coming > now
    if due is None:
        following = schedule.after(looked)
        assert following is not None
        assert following > now or gone == timedelta(0)
    else:
        assert looked < due.at <= now
        again = decide(
            schedule, overlap=Overlap.SKIP, looked=due.at, now=now, is_running=False, is_waiting=False
        )
        assert again is None, "what was decided is not decided again"


def test_how_long_to_sleep() -> None:
    now = utc(2026, 1, 1, 12, 0, 50)
    schedules = [Schedule("@daily"), Schedule("* * * * *")]
    assert next_look(schedules, now, at_most=timedelta(minutes=1)) == timedelta(seconds=10)
    assert next_look([], now, at_most=timedelta(minutes=1)) == timedelta(minutes=1)
