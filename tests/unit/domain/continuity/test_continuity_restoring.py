"""Which backup a restore takes, and the command that it becomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.history import Branch
from havre.domain.continuity.info import Archive, BackupSet, Info
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.restoring import Aim, Target, arguments, plan, require_room
from havre.domain.continuity.wal import position
from havre.errors import UsageError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def backup(
    label: str,
    stopped: datetime,
    *,
    where: Repository = Repository.LOCAL,
    lsn: str = "0/4000050",
    timeline: int = 1,
) -> BackupSet:
    wal = f"{timeline:08X}0000000000000004"
    return BackupSet(
        where, label, "full", stopped - HOUR / 60, stopped, 30_000_000, 1, "0/3000028", lsn, wal, wal
    )


OLD, NEW = backup("OLD", NOON - 3 * HOUR, lsn="0/4000050"), backup("NEW", NOON - HOUR, lsn="0/8000050")
FAR = backup("FAR", NOON - 48 * HOUR, where=Repository.OFFSITE, lsn="0/2000050")
INFO = Info((FAR, OLD, NEW))


def chosen(target: Target, *, wanted: Repository | None = None, info: Info = INFO) -> str:
    return plan(info, target, wanted=wanted, now=NOON).backup.label


def test_the_newest_for_the_newest_moment() -> None:
    assert chosen(Target(Aim.LATEST)) == "NEW"


def test_the_last_one_that_was_complete_by_then() -> None:
    assert chosen(Target(Aim.TIME, at=NOON - 2 * HOUR)) == "OLD"
    assert chosen(Target(Aim.TIME, at=NOON - HOUR)) == "NEW"


def test_elsewhere_if_the_local_ones_are_too_young() -> None:
    assert chosen(Target(Aim.TIME, at=NOON - 24 * HOUR)) == "FAR"


def test_the_newest_moment_has_to_reach_the_last_segment_of_its_timeline() -> None:
    last = "00000001000000000000000A"
    archives = (
        Archive(Repository.OFFSITE, last, "0000000100000000000000FF"),
        Archive(Repository.LOCAL, last, last),
    )
    info = Info((FAR, OLD, NEW), archives)
    latest = Target(Aim.LATEST)
    assert plan(info, latest, wanted=None, now=NOON).least == last
    assert plan(info, Target(Aim.TIME, at=NOON), wanted=None, now=NOON).least == ""
    # What an undone restore left is on another timeline, and says nothing about this one.
    other = (Archive(Repository.LOCAL, last, "00000002000000000000000B"),)
    assert plan(Info((OLD, NEW), other), latest, wanted=None, now=NOON).least == ""
    assert plan(Info((OLD, NEW)), latest, wanted=None, now=NOON).least == ""


def test_the_newest_moment_is_on_the_timeline_that_was_streamed_last() -> None:
    def timeline(target: Target, streamed: int) -> int:
        branches = [Branch(3, NOON - 2 * HOUR, ((1, "0/4000050"),))]
        return plan(
            Info((OLD,)), target, wanted=None, now=NOON, branches=branches, streamed=streamed
        ).timeline

    assert [timeline(Target(Aim.LATEST), each) for each in (0, 1, 3, 4)] == [3, 3, 3, 4]
    assert timeline(Target(Aim.TIME, at=NOON), 4) == 3


def test_only_where_somebody_wants_it() -> None:
    assert chosen(Target(Aim.LATEST), wanted=Repository.OFFSITE) == "FAR"


def test_a_restore_point_needs_a_backup_before_it() -> None:
    assert chosen(Target(Aim.LSN, lsn="0/7000000", timeline=1)) == "OLD"
    assert chosen(Target(Aim.LSN, lsn="0/9000000", timeline=1)) == "NEW"


def test_a_backup_of_a_later_history_does_not_lead_to_an_earlier_one() -> None:
    later = backup("LATER", NOON - HOUR / 2, lsn="0/6000000", timeline=2)
    assert chosen(Target(Aim.LSN, lsn="0/7000000", timeline=1), info=Info((OLD, later))) == "OLD"


def test_without_one_that_fits_it_says_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"2026-11-10 .* the oldest one local is of 2026-11-20 09:00:00 UTC"):
        chosen(Target(Aim.TIME, at=NOON - timedelta(days=10)))
    problem = Info(problems=((Repository.OFFSITE, "no route"),))
    with pytest.raises(UsageError, match=r"local has none; offsite could not be read \(no route\)"):
        chosen(Target(Aim.LATEST), info=problem)


def test_the_future_is_refused() -> None:
    with pytest.raises(UsageError, match="in the future"):
        chosen(Target(Aim.TIME, at=NOON + HOUR))


FORK = Branch(2, NOON - HOUR / 2, ((1, "0/6000000"),))  # restored half an hour ago, to what was earlier


def test_after_a_restore_a_backup_of_the_history_that_was_left_does_not_lead_on() -> None:
    assert plan(INFO, Target(Aim.LATEST), wanted=None, now=NOON, branches=[FORK]).backup.label == "OLD"
    mine = backup("MINE", NOON - HOUR / 4, lsn="0/7000000", timeline=2)
    found = plan(Info((OLD, NEW, mine)), Target(Aim.LATEST), wanted=None, now=NOON, branches=[FORK])
    assert (found.backup.label, found.timeline) == ("MINE", 2)


def test_what_a_restore_replaced_can_be_returned_to() -> None:
    before, after = Target(Aim.TIME, at=NOON - HOUR * 0.6), Target(Aim.TIME, at=NOON - HOUR * 0.4)
    found = plan(INFO, before, wanted=None, now=NOON, branches=[FORK])
    assert (found.backup.label, found.timeline) == ("NEW", 1)
    assert "--target-timeline=1" in arguments(found.as_data(), "/data/new")
    found = plan(INFO, after, wanted=None, now=NOON, branches=[FORK])
    assert (found.backup.label, found.timeline) == ("OLD", 2)


def test_the_disk_of_the_present_database_is_not_filled() -> None:
    planned = plan(INFO, Target(Aim.LATEST), wanted=None, now=NOON)
    require_room(planned, 233_000_001)
    with pytest.raises(UsageError, match=r"needs 0\.2 GB beside the present one, 0\.1 GB"):
        require_room(planned, 100_000_000)


def command(target: Target) -> list[str]:
    planned = plan(INFO, target, wanted=None, now=NOON).as_data()
    return list(arguments(planned, "/data/new"))


def test_beside_nothing_is_replaced_and_twice_the_room_is_needed() -> None:
    made = plan(INFO, Target(Aim.LATEST), wanted=None, now=NOON)
    beside = replace(made, beside="before", table="member")
    assert any("replaced" in step for step in beside.steps)
    assert not any("stop the database" in step for step in beside.steps)
    assert "with the rows of member only" in beside.steps[-1]
    room = made.backup.size + made.backup.size // 10 + 200_000_000
    require_room(made, room)
    with pytest.raises(UsageError, match="beside the present one"):
        require_room(beside, room)


def test_the_command_to_the_newest_moment() -> None:
    assert command(Target(Aim.LATEST)) == [
        "pgbackrest",
        "--stanza=main",
        "--repo=1",
        "--set=NEW",
        "--pg1-path=/data/new",
        "--no-delta",
        "--log-level-console=info",
        "--type=default",
        "--target-timeline=1",
        "restore",
    ]


def test_the_command_to_a_time() -> None:
    at = datetime.fromisoformat("2026-11-20T10:30:00.25+00:00")
    assert command(Target(Aim.TIME, at=at))[-5:] == [
        "--type=time",
        "--target=2026-11-20 10:30:00.250000+00",
        "--target-timeline=1",
        "--target-action=promote",
        "restore",
    ]


def test_the_command_to_a_restore_point() -> None:
    assert command(Target(Aim.LSN, lsn="0/9000000", timeline=1))[-5:] == [
        "--type=lsn",
        "--target=0/9000000",
        "--target-timeline=1",
        "--target-action=promote",
        "restore",
    ]


def test_positions_are_compared_as_numbers() -> None:
    assert position("1/0") > position("0/FFFFFFFF") > position("0/9000000")


def test_a_backup_of_another_major_version_is_not_taken() -> None:
    before, after = replace(OLD, version=15), replace(NEW, version=17)
    latest = Target(Aim.LATEST)
    assert plan(Info((before, after)), latest, wanted=None, now=NOON, version=17).backup.label == "NEW"
    with pytest.raises(UsageError, match="no backup can be restored") as caught:
        plan(Info((before,)), latest, wanted=None, now=NOON, version=17)
    assert "those of PostgreSQL 15 cannot be run by 17" in caught.value.hint
