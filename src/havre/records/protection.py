"""What the records know of how well databases are saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from havre.domain.continuity.exposure import Drilled
from havre.domain.continuity.protection import Protected
from havre.domain.continuity.repositories import Repository
from havre.domain.schedule import Schedule
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records import continuity, drills
from havre.records.models import Backup, Environment


def storage_is_set() -> bool:
    """Whether there is an off-site storage."""
    return continuity.newest_storage() is not None


def kit_is_stored() -> bool:
    """Whether the recovery kit of the storage as it is now is kept elsewhere."""
    row = continuity.newest_storage()
    return row is not None and continuity.is_kit_stored(row)


def protected_databases() -> list[Protected]:
    """The databases of every live release."""
    version = continuity.storage_version()
    found = []
    for environment in Environment.objects.select_related("project", "current_release"):
        release = environment.current_release
        if release is None:
            continue
        for name, service in EnvironmentSpec.model_validate(release.spec).services.items():
            if isinstance(service, PostgresService):
                found.append(
                    Protected(
                        name=f"{environment}/{name}",
                        is_on=service.backups.enabled is not False,
                        local=continuity.last_good(environment, name, Repository.LOCAL),
                        offsite=continuity.last_good(environment, name, Repository.OFFSITE),
                        uses_storage=release.storage_version == version,
                        patience=continuity.patience(service),
                        problems=tuple(continuity.watch_of(environment, name).get("problems", {}).values()),
                    )
                )
    return found


def drilled_environments() -> list[Drilled]:
    """The environments in which drills are planned, and how the last one of each went."""
    found = []
    for environment in Environment.objects.select_related("project", "current_release"):
        planned = drills.planned_drills(environment).get("drill")
        first = Backup.objects.filter(environment=environment).order_by("stopped_at").first()
        if planned is None or first is None:
            continue
        last = next(iter(drills.history(environment, limit=1)), None)
        found.append(
            Drilled(
                name=str(environment),
                interval=_interval(Schedule(planned.job.schedule, planned.job.timezone)),
                since=first.stopped_at,
                last=last.started_at if last else None,
                problem=last.problem if last else "",
            )
        )
    return found


def _interval(schedule: Schedule) -> timedelta:
    """Between two times that it is due."""
    first = schedule.after(datetime.now(UTC))
    second = schedule.after(first) if first else None
    return second - first if first and second else timedelta(days=366)
