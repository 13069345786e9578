"""Backups as the live releases plan them, and the first one, which waits for no schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from havre.manifest import EnvironmentSpec
from havre.manifest.cron import CronJob
from havre.records import continuity, queries
from havre.records.models import Backup, Environment, Operation

DUMP: Final = "dump"
VERIFY: Final = "verify"


@dataclass(frozen=True)
class PlannedBackup:
    """A backup of one database at certain times, a dump, or that all is read back (of no database).

    ``job`` says when; its command is not used.
    """

    name: str
    service: str
    type: str
    job: CronJob

    @property
    def kind(self) -> str:
        """Of its operation."""
        return self.type if self.type in {DUMP, VERIFY} else "backup"

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of its operation."""
        more = {"type": self.type} if self.kind == "backup" else {}
        return {"service": self.service or None, **more, **({"rolling": True} if self.type == VERIFY else {})}


def planned_backups(environment: Environment) -> dict[str, PlannedBackup]:
    """The backups that the live release plans, by name."""
    found = {}
    for service, database in continuity.databases_of(environment.current_release).items():
        backups = database.backups
        dumps = [(DUMP, backups.dump.schedule)] if backups.dump.enabled else []
        for kind, when in (("full", backups.full), ("incremental", backups.incremental), *dumps):
            job = CronJob(schedule=when, timezone=backups.timezone, command=("backup",))
            planned = PlannedBackup(f"backup {service} {kind}", service, kind, job)
            found[planned.name] = planned
    reading = planned_verification(environment)
    return {**found, reading.name: reading} if reading else found


def planned_verification(environment: Environment) -> PlannedBackup | None:
    """When all that is saved of it is read back; None where nothing is saved, or it is not wanted."""
    release = environment.current_release
    if release is None or not (continuity.databases_of(release) or continuity.newest_storage()):
        return None
    verify = EnvironmentSpec.model_validate(release.spec).backup.verify
    if not verify.enabled:
        return None
    job = CronJob(schedule=verify.schedule, timezone=verify.timezone, command=("verify",))
    return PlannedBackup("verify backups", "", VERIFY, job)


def first_backup(environment: Environment) -> Operation | None:
    """Queue a backup where a repository has none yet; tried once for each release."""
    release = environment.current_release
    databases = continuity.databases_of(release)
    if not databases or release is None:
        return None
    storage = continuity.storage_of(release.storage_version)
    rows = Backup.objects.filter(environment=environment)
    # Another storage, or another passphrase, has nothing yet that was saved for the one before.
    good = rows.filter(Q(repository="local") | Q(stopped_at__gte=storage.created_at)) if storage else rows
    have = set(good.values_list("service", "repository"))
    wanted = {(name, kind) for name in databases for kind in ("local", *(("offsite",) if storage else ()))}
    tried = Operation.objects.filter(environment=environment, kind="backup", created_at__gte=release.live_at)
    if wanted <= have or tried.exists():
        return None
    return queries.enqueue("backup", environment, {"service": None, "type": "incremental"}, actor="scheduler")
