from dataclasses import replace
from datetime import UTC, datetime, timedelta

from havre.domain.alerting.telling import (
    MOST_ATTEMPTS,
    Audience,
    Incident,
    Severity,
    Silence,
    Word,
    next_attempt,
    to_tell,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DISK = Incident("disk", "server", is_over=False)
QUIET = Silence("disk", "*", NOW - HOUR, NOW + HOUR)


def told(incident, word, ago=HOUR):
    return replace(incident, told=word, told_at=NOW - ago)


def test_the_beginning_is_told_once_and_the_end_once():
    assert to_tell(DISK, (), NOW) == Word.BEGAN
    assert to_tell(told(DISK, Word.BEGAN), (), NOW) is None
    over = replace(told(DISK, Word.BEGAN), is_over=True)
    assert to_tell(over, (), NOW) == Word.OVER
    assert to_tell(told(over, Word.OVER), (), NOW) is None


def test_what_nobody_took_on_is_told_again_after_a_day():
    old = told(DISK, Word.BEGAN, 24 * HOUR)
    assert to_tell(old, (), NOW) == Word.REMINDER
    assert to_tell(replace(old, is_acknowledged=True), (), NOW) is None


def test_nothing_is_told_in_a_silence_but_it_is_when_that_ends():
    assert to_tell(DISK, [QUIET], NOW) is None
    assert to_tell(DISK, [QUIET], NOW + HOUR) == Word.BEGAN
    # It began and ended in silence: nobody has to know.
    assert to_tell(replace(DISK, is_over=True), (), NOW) is None
    # Who was told of the beginning is told of the end, silence or not.
    assert to_tell(replace(told(DISK, Word.BEGAN), is_over=True), [QUIET], NOW) == Word.OVER


def test_a_silence_covers_what_it_names_in_its_time():
    night = Silence("http*", "shop/*", NOW, NOW + HOUR)
    assert night.covers("http", "shop/production", NOW)
    assert not night.covers("disk", "shop/production", NOW)
    assert not night.covers("http", "other/production", NOW)
    assert not night.covers("http", "shop/production", NOW - timedelta(seconds=1))
    assert not night.covers("http", "shop/production", NOW + HOUR)


def test_a_channel_hears_what_it_wants():
    assert Audience().hears("server", Severity.WARNING)
    assert not Audience(least=Severity.CRITICAL).hears("server", Severity.WARNING)
    assert Audience(least=Severity.CRITICAL).hears("server", Severity.CRITICAL)
    assert not Audience(place="shop/*").hears("server", Severity.CRITICAL)


def test_pauses_grow_and_end():
    pauses = [next_attempt(number, NOW) for number in range(1, MOST_ATTEMPTS)]
    assert pauses[0] == NOW + timedelta(seconds=30)
    assert pauses[1] == NOW + timedelta(seconds=60)
    assert pauses[-1] == NOW + HOUR
    assert sum((each - NOW for each in pauses), timedelta()) < 8 * HOUR
    assert next_attempt(MOST_ATTEMPTS, NOW) is None
