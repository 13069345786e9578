"""What a restore will do: which backup of which repository, up to which moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from havre.domain.continuity.history import Branch, timeline_of_time
from havre.domain.continuity.info import BackupSet, Info
from havre.domain.continuity.repositories import STANZA, Repository
from havre.domain.continuity.wal import position
from havre.domain.times import shown
from havre.errors import UsageError

_ROOM_FOR_WAL: Final = 200_000_000  # bytes, beside a tenth of the database


class Aim(StrEnum):
    """What is returned to: the newest moment, a time, or a position in the WAL (a restore point)."""

    LATEST = "latest"
    TIME = "time"
    LSN = "lsn"


@dataclass(frozen=True)
class Target:
    """The moment to return to.

    Attributes:
        at: of a time, or when a restore point was made.
        lsn: of a restore point, such as ``0/5000148``, with the timeline it is on.
        name: the restore point's name, for people.
    """

    aim: Aim
    at: datetime | None = None
    lsn: str = ""
    timeline: int = 0
    name: str = ""

    def __str__(self) -> str:
        if self.aim is Aim.TIME and self.at:
            return shown(self.at)
        if self.aim is Aim.LSN:
            when = f" ({shown(self.at)})" if self.at else ""
            return f"{self.name or 'the position'} at {self.lsn}{when}"
        return "the newest moment that is saved"


@dataclass(frozen=True)
class Plan:
    """The decision: from where, from which backup, to which moment."""

    repository: Repository
    backup: BackupSet
    target: Target
    timeline: int = 0
    """The history to follow."""
    beside: str = ""
    """The name of a database beside the present one that is to be made; without, that one is replaced."""
    table: str = ""
    """The only table with rows in the database beside."""
    least: str = ""
    """A segment of WAL that has to be reached, empty where the target itself says so.

    PostgreSQL takes a segment that it does not get for the end of the WAL: where the storage dies in the
    middle of the replay, it would serve without a word what came before.
    """

    @property
    def steps(self) -> tuple[str, ...]:
        """What will happen, in sentences."""
        kind = {"full": "full", "incr": "incremental", "diff": "differential"}[self.backup.kind]
        made = shown(self.backup.stopped)
        read = f"read the {kind} backup {self.backup.label} of {made}, {self.backup.size / 1e6:.0f} MB"
        if self.beside:
            rows = f"with the rows of {self.table} only" if self.table else "whole"
            return (
                f"{read}, from the {self.repository} repository",
                f"replay the WAL since then, to {self.target}, beside the database, which goes on",
                f"make the database {self.beside} of it, {rows}, in the same server; nothing is replaced",
            )
        return (
            f"{read}, from the {self.repository} repository",
            f"replay the WAL since then, to {self.target}, beside the database, which goes on meanwhile",
            "stop the database and put the restored data in the place of the present data",
            "keep the present data until `havre restore --confirm`; start the database, make a backup",
        )

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "repository": self.repository.value,
            "backup": self.backup.label,
            "kind": self.backup.kind,
            "made_at": self.backup.stopped.isoformat(),
            "size": self.backup.size,
            "aim": self.target.aim.value,
            "at": self.target.at.isoformat() if self.target.at else None,
            "lsn": self.target.lsn,
            "timeline": self.timeline,
            "name": self.target.name,
            "beside": self.beside,
            "table": self.table,
            "least": self.least,
            "steps": list(self.steps),
        }


def plan(
    info: Info,
    target: Target,
    *,
    wanted: Repository | None,
    now: datetime,
    branches: Sequence[Branch] = (),
    version: int | None = None,
    streamed: int = 0,
) -> Plan:
    """Choose the backup to restore.

    The local repository comes first, for it is faster; the other one is taken where that one has nothing
    that fits.

    Args:
        info: what the repositories hold.
        target: the moment.
        wanted: only this repository.
        now: the present moment.
        branches: the timelines that earlier restores began, the oldest first: what was written between
            the moment of a restore and that restore itself is on the timeline before it.
        version: the major version of PostgreSQL that is to run what is restored; None: whichever.
        streamed: the timeline that was streamed last, 0 where that is not known: a server that was lost right
            after a restore has served it, before its branch or a backup of it was saved.

    Raises:
        UsageError: no backup fits, and why.
    """
    if target.aim is Aim.TIME and target.at and target.at > now:
        raise UsageError(f"{shown(target.at)} is in the future")
    everything, info = info, info.of_version(version)
    timeline = _timeline(target, branches) or _present(info)
    if target.aim is Aim.LATEST:
        timeline = max(timeline, streamed)
    branch = next((each for each in branches if each.timeline == timeline), None)
    for repository in [wanted] if wanted else list(Repository):
        fitting = [
            each for each in info.of(repository) if _fits(each, target) and _leads_to(each, timeline, branch)
        ]
        if fitting:
            least = _last_segment(info, fitting[-1], timeline) if target.aim is Aim.LATEST else ""
            return Plan(repository, fitting[-1], target, timeline, least=least)
    earlier = sorted({each.version for each in everything.backups if each.version} - {version})
    raise UsageError(
        f"no backup can be restored to {target}: {'; '.join(_why(info, wanted))}",
        hint="`havre backup list` shows what there is"
        + (f"; those of PostgreSQL {earlier[0]} cannot be run by {version}" if earlier else ""),
    )


def require_room(planned: Plan, free: int) -> None:
    """Refuse to fill the disk that the present database writes on.

    Args:
        planned: what would be restored.
        free: bytes that are free there.

    Raises:
        UsageError: there is too little.
    """
    copies = 2 if planned.beside else 1
    needed = copies * (planned.backup.size + planned.backup.size // 10) + _ROOM_FOR_WAL
    if free < needed:
        raise UsageError(
            f"the restored database needs {needed / 1e9:.1f} GB beside the present one, {free / 1e9:.1f} GB"
            " of its disk are free",
            hint="make room: `havre restore --confirm` removes what an earlier restore replaced, `havre"
            " images prune` old images",
        )


def _why(info: Info, wanted: Repository | None) -> list[str]:
    told = []
    for repository in [wanted] if wanted else list(Repository):
        found, problem = info.of(repository), info.problem(repository)
        if found:
            told.append(f"the oldest one {repository} is of {shown(found[0].stopped)}")
        else:
            told.append(f"{repository} {f'could not be read ({problem})' if problem else 'has none'}")
    return told


def _fits(backup: BackupSet, target: Target) -> bool:
    if target.aim is Aim.TIME:
        return target.at is not None and backup.stopped <= target.at
    if target.aim is Aim.LSN:
        return position(backup.lsn_stop) <= position(target.lsn)
    return True


def _timeline(target: Target, branches: Sequence[Branch]) -> int:
    if target.aim is Aim.LSN:
        return target.timeline
    if target.aim is Aim.TIME and target.at:
        return timeline_of_time(target.at, branches)
    return branches[-1].timeline if branches else 0


def _present(info: Info) -> int:
    """The timeline of the newest backup, for backups are made of what serves.

    Not the newest one in the archive: a restore that was undone has left one there, which leads nowhere.
    """
    newest = max(info.backups, key=lambda each: each.stopped, default=None)
    return newest.timeline if newest else 0


def _last_segment(info: Info, backup: BackupSet, timeline: int) -> str:
    """The last segment that the repository holds of a timeline; empty if that is not known."""
    found = (
        each.last
        for each in info.archives
        if each.repository is backup.repository and each.database == backup.database
    )
    last = next(found, "")
    return last if last and int(last[:8], 16) == timeline else ""


def _leads_to(backup: BackupSet, timeline: int, branch: Branch | None) -> bool:
    """Whether replaying from a backup can get onto a timeline, which one of another history cannot."""
    if timeline in {0, backup.timeline}:
        return True
    if branch is None:
        return backup.timeline < timeline  # nothing is known about it: pgBackRest will say
    left_at = dict(branch.ancestors).get(backup.timeline)
    return left_at is not None and position(backup.lsn_stop) <= position(left_at)


def arguments(planned: Mapping[str, Any], path: str) -> Sequence[str]:
    """The command that restores the files, and leaves behind what the replay needs to know.

    Args:
        planned: as :meth:`Plan.as_data` gives it.
        path: the folder of the new cluster.
    """
    command = [
        "pgbackrest",
        f"--stanza={STANZA}",
        f"--repo={Repository(planned['repository']).key}",
        f"--set={planned['backup']}",
        f"--pg1-path={path}",
        "--no-delta",
        "--log-level-console=info",
    ]
    aim = Aim(planned["aim"])
    if aim is Aim.TIME:
        at = datetime.fromisoformat(planned["at"]).astimezone(UTC)
        command += ["--type=time", f"--target={at:%Y-%m-%d %H:%M:%S.%f}+00"]
    elif aim is Aim.LSN:
        command += ["--type=lsn", f"--target={planned['lsn']}"]
    else:
        command += ["--type=default"]
    if planned["timeline"]:
        command += [f"--target-timeline={planned['timeline']}"]
    if aim is not Aim.LATEST:
        command += ["--target-action=promote"]
    return [*command, "restore"]
