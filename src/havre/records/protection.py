"""What the records know of how well databases are saved."""

from __future__ import annotations

from datetime import datetime

from havre.domain.continuity.protection import Protected
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records import continuity
from havre.records.models import Backup, Environment


def storage_is_set() -> bool:
    """Whether there is an off-site storage."""
    return continuity.newest_storage() is not None


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
                        local=_last(environment, name, "local"),
                        offsite=_last(environment, name, "offsite"),
                        uses_storage=release.storage_version == version,
                    )
                )
    return found


def _last(environment: Environment, service: str, repository: str) -> datetime | None:
    rows = Backup.objects.filter(environment=environment, service=service, repository=repository, problem="")
    newest = rows.order_by("-stopped_at").first()
    return newest.stopped_at if newest else None
