"""Continuity in the records: the off-site storage, and the backups that were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from havre.domain.continuity import watching
from havre.domain.continuity.history import Branch
from havre.domain.continuity.info import BackupSet
from havre.domain.continuity.repositories import OffSite, Repository
from havre.domain.schedule import Schedule
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records.models import (
    Backup,
    BackupStorage,
    Environment,
    Operation,
    Release,
    SavedDatabase,
    StoredKit,
)

NONE: Final = 0
"""The version that stands for no off-site storage."""


def newest_storage() -> BackupStorage | None:
    """The off-site storage as it is set now; None if there is none."""
    row = BackupStorage.objects.order_by("-version").first()
    return row if row and row.endpoint else None


def storage_version() -> int:
    """The version that a new release uses."""
    row = newest_storage()
    return row.version if row else NONE


def storage_of(version: int | None) -> BackupStorage | None:
    """A version of the storage; None for none."""
    return BackupStorage.objects.filter(version=version).exclude(endpoint="").first() if version else None


def backs_up(release: Release, service: object) -> bool:
    """Whether a release backs a service up.

    A database is that asks for it, or where there is an off-site storage. A release from before there were
    backups does not back up; the next one does.
    """
    version = release.storage_version
    return (
        version is not None
        and isinstance(service, PostgresService)
        and service.backups.are_on(has_storage=version != NONE)
    )


def databases_of(release: Release | None) -> dict[str, PostgresService]:
    """The databases that a release backs up, by name."""
    if release is None:
        return {}
    services = EnvironmentSpec.model_validate(release.spec).services
    return {
        name: service
        for name, service in services.items()
        if isinstance(service, PostgresService) and backs_up(release, service)
    }


def off_site(row: BackupStorage) -> OffSite:
    """A row as a value."""
    return OffSite(
        endpoint=row.endpoint,
        bucket=row.bucket,
        region=row.region,
        prefix=row.prefix,
        style=row.style,
        has_ca=bool(row.ca),
        version=row.version,
    )


def record_kit_stored(row: BackupStorage, *, actor: str) -> None:
    """Remember that the recovery kit of this version of the storage is kept elsewhere."""
    StoredKit.objects.update_or_create(version=row.version, defaults={"actor": actor})


def is_kit_stored(row: BackupStorage) -> bool:
    """Whether the recovery kit that opens the storage as it is now is kept elsewhere."""
    return StoredKit.objects.filter(version=row.version).exists()


@transaction.atomic
def set_storage(*, actor: str, **fields: Any) -> BackupStorage:
    """Store the next version; releases made from now on use it."""
    last = BackupStorage.objects.order_by("-version").first()
    return BackupStorage.objects.create(version=last.version + 1 if last else 1, actor=actor, **fields)


def remove_storage(*, actor: str) -> bool:
    """Say that there is none any more; whether there was one. What is stored there stays."""
    if newest_storage() is None:
        return False
    set_storage(actor=actor)
    return True


def record_backup(environment: Environment, service: str, made: BackupSet, operation: Operation) -> None:
    """Remember a backup; once, however often it is told."""
    Backup.objects.update_or_create(
        environment=environment,
        service=service,
        repository=made.repository.value,
        label=made.label,
        defaults={
            "kind": made.kind,
            "operation": operation,
            "size": made.size,
            "stored": made.stored,
            "lsn_stop": made.lsn_stop,
            "started_at": made.started,
            "stopped_at": made.stopped,
            "problem": "pages with wrong checksums were seen" if made.has_errors else "",
        },
    )


def record_verified(
    environment: Environment, service: str, repository: Repository, labels: Iterable[str], *, problem: str
) -> None:
    """Remember that backups were read back, or what was found wrong with the repository."""
    rows = Backup.objects.filter(
        environment=environment, service=service, repository=repository.value, label__in=list(labels)
    )
    if problem:
        rows.update(problem=problem[:300])
    else:
        rows.update(problem="", verified_at=timezone.now())


def is_saved_cluster(environment: Environment, service: str, identifier: str) -> bool:
    """Whether a cluster is the one that is saved, or none is yet."""
    row = SavedDatabase.objects.filter(environment=environment, service=service).first()
    return row is None or row.identifier in {"", identifier}


def record_cluster(environment: Environment, service: str, identifier: str) -> None:
    """Remember which cluster is saved."""
    SavedDatabase.objects.update_or_create(
        environment=environment, service=service, defaults={"identifier": identifier}
    )


def patience(database: PostgresService) -> timedelta:
    """How old the newest good backup of a database may be, by when they are made."""
    backups = database.backups
    return watching.patience(
        *(Schedule(each, backups.timezone) for each in (backups.full, backups.incremental))
    )


def watch_of(environment: Environment, service: str) -> dict[str, Any]:
    """How its archive and its backups stood when the worker last looked; empty if it never did."""
    row = SavedDatabase.objects.filter(environment=environment, service=service).first()
    return row.watch if row else {}


def record_watch(environment: Environment, service: str, watch: Mapping[str, Any]) -> None:
    """Remember how they stand."""
    SavedDatabase.objects.update_or_create(
        environment=environment, service=service, defaults={"watch": dict(watch)}
    )


def last_backup(environment: Environment, service: str) -> Operation | None:
    """The newest backup operation of a database that came to an end by itself."""
    ended = Operation.objects.filter(
        environment=environment, kind="backup", state__in=(Operation.State.SUCCEEDED, Operation.State.FAILED)
    )
    return next(
        (row for row in ended.order_by("-pk")[:20] if row.params.get("service") in {None, service}), None
    )


def last_good(environment: Environment, service: str, repository: Repository) -> datetime | None:
    """When the newest good backup in a repository was complete."""
    rows = Backup.objects.filter(
        environment=environment, service=service, repository=repository.value, problem=""
    )
    newest = rows.order_by("-stopped_at").first()
    return newest.stopped_at if newest else None


def releases_since_it_is_there(environment: Environment) -> Iterator[Release]:
    """The releases that served since it was last destroyed, the newest first."""
    rows = environment.releases.exclude(live_at=None).order_by("-live_at")
    gone = Operation.objects.filter(
        environment=environment, kind="destroy", state=Operation.State.SUCCEEDED
    ).order_by("-pk")
    destroyed = gone.first()
    if destroyed and destroyed.finished_at:
        rows = rows.filter(live_at__gt=destroyed.finished_at)
    return rows.iterator(chunk_size=20)


def backed_up_since(environment: Environment, service: str) -> datetime | None:
    """Since when every release backs a database up without a break; deployments do not change that."""
    since = None
    for release in releases_since_it_is_there(environment):
        if service not in databases_of(release):
            break
        since = release.live_at
    return since


def branches_of(environment: Environment, service: str) -> list[Branch]:
    """The timelines that restores of a database, and rollbacks with it, began, the oldest first.

    An upgrade to another major version makes a new cluster, whose timelines begin anew.
    """
    succeeded = Operation.objects.filter(environment=environment, state=Operation.State.SUCCEEDED)
    upgrades = succeeded.filter(kind="upgrade", result__service=service).order_by("pk")
    last = max((row.pk for row in upgrades if not row.params.get("dry_run")), default=0)
    done = succeeded.filter(kind__in=("restore", "rollback", "rebuild"), pk__gt=last).order_by("pk")
    found = [
        result
        for row in done
        for result in (row.result, row.result.get("databases", {}).get(service, {}))
        if result.get("service") == service
    ]
    return [Branch.stored(result["branch"]) for result in found if "branch" in result]


def backups_of(environment: Environment) -> dict[tuple[str, str, str], Backup]:
    """What is remembered, by service, repository and label."""
    rows = Backup.objects.filter(environment=environment)
    return {(row.service, row.repository, row.label): row for row in rows}
