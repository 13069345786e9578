"""What deserves attention about backups, and what of it is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.stream import Streaming
from havre.domain.continuity.watching import (
    LATE,
    STALE,
    Planned,
    Seen,
    SeenFiles,
    Watch,
    patience,
    problems,
    problems_of_files,
    wants_backup,
)
from havre.domain.schedule import Schedule

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WEEKS = timedelta(days=14)
LONG_AGO = NOW - STALE - timedelta(hours=1)
FINE = Seen(local=NOW, offsite=NOW, since=LONG_AGO, has_storage=True)


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (FINE, []),
        (Seen(waiting=3, seconds=LATE + 1, since=NOW), ["archive"]),
        (Seen(waiting=1, seconds=LATE - 1, since=NOW), []),
        (Seen(foreign="another", waiting=3, seconds=LATE + 1, since=NOW), ["database"]),
        (Seen(failed="the disk is full", since=NOW), ["backup"]),
        (Seen(local=LONG_AGO, offsite=NOW, since=LONG_AGO, has_storage=True), ["stale local"]),
        (Seen(local=NOW, since=LONG_AGO, has_storage=True), ["stale offsite"]),
        (Seen(local=NOW, since=LONG_AGO), []),
        (Seen(since=NOW, has_storage=True), []),
        (Seen(streaming=Streaming(LATE - 1, LATE - 1), since=NOW), []),
        (Seen(streaming=Streaming(LATE + 1, LATE + 1), since=NOW), ["stream"]),
        (Seen(streaming=Streaming(problem="it does not run"), since=NOW), ["stream"]),
        (Seen(foreign="another", streaming=Streaming(), since=NOW), ["database"]),
        (Seen(since=LONG_AGO, has_storage=True), ["stale local", "stale offsite"]),
    ],
)
def test_what_is_wrong(seen: Seen, kinds: list[str]) -> None:
    assert list(problems(seen, NOW)) == kinds


def test_it_is_told_why_wal_waits() -> None:
    seen = Seen(waiting=3, seconds=LATE + 1, causes=("the disk is full",) * 2)
    assert problems(seen, NOW)["archive"].startswith("WAL is not archived (the disk is full): 3 segments")


@pytest.mark.parametrize(
    ("seen", "kinds"),
    [
        (SeenFiles(offsite=NOW, since=LONG_AGO), []),
        (SeenFiles(failed="offsite: the disk is full", offsite=NOW, since=LONG_AGO), ["save"]),
        (SeenFiles(offsite=LONG_AGO, since=LONG_AGO), ["stale save"]),
        (SeenFiles(since=LONG_AGO), ["stale save"]),
        (SeenFiles(since=NOW), []),
        # Another storage was set a moment ago, or there is none.
        (SeenFiles(offsite=LONG_AGO, since=NOW), []),
        (SeenFiles(offsite=LONG_AGO), []),
        (SeenFiles(offsite=NOW, since=LONG_AGO, doubt="the date went forward"), ["clock"]),
    ],
)
def test_what_is_wrong_with_the_copies_of_files(seen: SeenFiles, kinds: list[str]) -> None:
    assert list(problems_of_files(seen, NOW)) == kinds


@pytest.mark.parametrize(
    ("planned", "kinds"),
    [
        (Planned("", NOW, WEEKS), []),
        (Planned("archive local: files of the archive are damaged", NOW, WEEKS), ["verify"]),
        (Planned("", NOW - WEEKS - timedelta(hours=1), WEEKS), ["stale verify"]),
        (Planned("", None, WEEKS), []),
        (Planned("", None, timedelta(hours=3)), ["stale verify"]),
    ],
)
def test_what_is_planned_may_fail_or_never_run(planned: Planned, kinds: list[str]) -> None:
    since = NOW - WEEKS - timedelta(days=1) if planned.last else LONG_AGO
    assert list(problems_of_files(SeenFiles(offsite=NOW, since=since, read_back=planned), NOW)) == kinds
    of_dumps = [kind.replace("verify", "dump") for kind in kinds]
    assert list(problems(replace(FINE, since=since, dump=planned), NOW)) == of_dumps


def test_staleness_tells_for_how_long() -> None:
    seen = SeenFiles(offsite=NOW - timedelta(hours=72), since=LONG_AGO)
    assert "for 72 hours" in problems_of_files(seen, NOW)["stale save"]


def test_a_backup_is_wanted_only_when_the_archive_goes_on() -> None:
    late = Watch(late=True)
    assert not wants_backup(late, {"database": "another"})
    assert not wants_backup(late, {"archive": "x"})
    assert wants_backup(late, {"backup": "failed", "stream": "stands"})
    assert wants_backup(late, {})
    assert not wants_backup(Watch(), {})


def test_it_is_stored_and_read_back() -> None:
    watch = Watch({"backup": "x"}, late=True)
    assert Watch.stored(watch.as_data()) == watch
    assert Watch.stored({}) == Watch()


@pytest.mark.parametrize(
    ("full", "incremental", "hours"),
    [
        ("0 2 * * 0", "0 2 * * 1-6", 50),  # the default
        ("0 2 * * 0", "0 * * * *", 4),
        ("0 2 * * 0", "0 2 * * 3", 2 * 4 * 24 + 2),
        ("0 2 * * 0", "0 8-18 * * 1-5", 2 * 32 + 2),  # from Sunday's to Monday's 8:00 it is less
        ("0 2 1 * *", "0 2 1 * *", 2 * 31 * 24 + 2),
    ],
)
def test_patience_follows_the_schedule(full: str, incremental: str, hours: int) -> None:
    assert patience(Schedule(full), Schedule(incremental)) == timedelta(hours=hours)


def test_a_weekly_backup_is_not_missed_after_two_days_and_an_hourly_one_is_before() -> None:
    week = Seen(local=NOW - timedelta(days=3), offsite=NOW - timedelta(days=3), has_storage=True)
    assert list(problems(week, NOW)) == ["stale local", "stale offsite"]
    assert not problems(replace(week, patience=timedelta(days=15)), NOW)
    hour = replace(week, local=NOW - timedelta(hours=5), offsite=NOW, patience=timedelta(hours=4))
    assert list(problems(hour, NOW)) == ["stale local"]
