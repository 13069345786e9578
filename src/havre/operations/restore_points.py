"""Restore points: a moment of the data that a release can be rolled back with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from havre.domain.continuity.losses import Counters, Losses, Point, losses, point_for
from havre.domain.continuity.restoring import Aim, Target
from havre.errors import UsageError
from havre.operations.context import Run
from havre.operations.continuity.database import Database
from havre.operations.continuity.view import databases
from havre.operations.database_versions import versions
from havre.operations.workloads import Composition
from havre.records.models import Environment, Release


def make(run: Run, release: Release, composition: Composition) -> dict[str, Any] | None:
    """Make a named restore point of every database of the release's environment.

    Returns:
        What identifies it (``name``, ``before``: the release that served, and below ``databases`` the LSN,
        the timeline and the time of each, with how many rows had been written), or None where no database
        is backed up. The position is what a restore needs: a name alone does not tell which backup it
        belongs to.

    Raises:
        BackupError: a database does not run, or refused.
    """
    name = f"release-{release.number}"
    found = {}
    for service in databases(composition):
        database = Database(run, composition, service)
        lsn = database.query(f"SELECT pg_create_restore_point('{name}-{run.operation.pk}')")
        timeline = database.query("SELECT timeline_id FROM pg_control_checkpoint()")
        # Else it would be in no archive until the segment is full, or the RPO is over.
        database.query("SELECT pg_switch_wal()")
        found[service] = {
            "lsn": lsn,
            "timeline": int(timeline),
            "at": timezone.now().isoformat(),
            "version": database.version,
            "counters": database.counters().as_data(),
        }
    live = run.environment.current_release
    return {"name": name, "before": live.number if live else None, "databases": found} if found else None


def find(environment: Environment, number: int, service: str) -> Target:
    """The restore point of a database that was made before a release changed the data.

    Raises:
        UsageError: there is none, or the database has another major version since.
    """
    release = environment.releases.filter(number=number).first()
    point = ((release.restore_point or {}).get("databases") or {}) if release else {}
    found = point.get(service)
    if release is None or not found:
        raise UsageError(
            f"release {number} of {environment} has no restore point of {service}",
            hint="`havre releases` shows which have one; those with a release command do",
        )
    present = versions(environment.current_release).get(service)
    then = found.get("version", present)
    if then != present:
        raise UsageError(
            f"the restore point before release {number} is of PostgreSQL {then}, which {present} cannot run",
            hint="what the upgrade replaced is kept until `havre db upgrade --confirm`",
        )
    return Target(
        Aim.LSN,
        at=datetime.fromisoformat(found["at"]),
        lsn=found["lsn"],
        timeline=int(found["timeline"]),
        name=f"the restore point before release {number}",
    )


def point_of(environment: Environment, number: int) -> int:
    """The release whose restore point holds the data as an earlier release left it.

    Raises:
        UsageError: there is none.
    """
    rows = environment.releases.exclude(restore_point=None)
    points = [Point(row.number, (row.restore_point or {}).get("before")) for row in rows]
    found = point_for(number, points)
    if found is None:
        raise UsageError(
            f"there is no restore point after release {number} of {environment}",
            hint="none of the releases since had a release command: `havre rollback` changes the code alone,"
            " `havre restore --to TIME` the data",
        )
    return found


def losses_since(database: Database, number: int, now: datetime) -> Losses:
    """What was written since a restore point, as far as PostgreSQL counts it."""
    release = database.environment.releases.get(number=number)
    point = (release.restore_point or {})["databases"][database.name]
    then = Counters.read(point.get("counters") or {})
    return losses(then, database.counters(), point=datetime.fromisoformat(point["at"]), now=now)
