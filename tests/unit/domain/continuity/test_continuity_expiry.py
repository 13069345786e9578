"""When backups that hold something go by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from havre.domain.continuity.expiry import holding
from havre.domain.continuity.info import BackupSet
from havre.domain.continuity.repositories import Repository

WEEK = timedelta(days=7)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, 2, tzinfo=UTC)


def backup(number: int, full: int | None = None) -> BackupSet:
    label = f"202611{full or number:02}-020000F" + (f"_202611{number:02}-020000I" if full else "")
    start = day(number)
    return BackupSet(
        Repository.LOCAL, label, "incr" if full else "full", start, start + timedelta(hours=1), 1, 1,
        "", "", "", "",
    )  # fmt: skip


def test_a_backup_goes_when_a_newer_full_one_is_old_enough() -> None:
    made = [backup(1), backup(2, 1), backup(8), backup(9, 8), backup(15)]
    found = holding(made, day(10), keep=WEEK, next_full=day(22))
    assert [(each.backup.label[6:8], each.backup.kind, each.at) for each in found] == [
        ("01", "full", day(15) + timedelta(hours=1)),
        ("01", "incr", day(15) + timedelta(hours=1)),
        ("08", "full", day(22) + timedelta(hours=1)),
        ("08", "incr", day(22) + timedelta(hours=1)),
    ]


def test_what_is_based_on_a_backup_holds_what_that_one_does() -> None:
    made = [backup(1), backup(2, 1), backup(3, 1)]
    found = holding(made, day(2) + timedelta(hours=5), keep=WEEK, next_full=day(8))
    assert [each.backup.started.day for each in found] == [1, 2, 3]
    assert {each.at for each in found} == {day(15)}


def test_without_a_next_full_backup_the_last_one_stays() -> None:
    assert [each.at for each in holding([backup(1)], day(2), keep=WEEK, next_full=None)] == [None]
    assert holding([backup(3)], day(2), keep=WEEK, next_full=None) == ()
