"""Restore points: a moment of the data that a release can be rolled back with."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from havre.operations.context import Run
from havre.operations.continuity.database import Database, databases
from havre.operations.workloads import Composition
from havre.records.models import Release


def make(run: Run, release: Release, composition: Composition) -> dict[str, Any] | None:
    """Make a named restore point of every database of the release's environment.

    Returns:
        What identifies it (``name``, and below ``databases`` the LSN, the timeline and the time of each),
        or None where no database is backed up. The position is what a restore needs: a name alone does
        not tell which backup it belongs to.

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
        found[service] = {"lsn": lsn, "timeline": int(timeline), "at": timezone.now().isoformat()}
    return {"name": name, "databases": found} if found else None
