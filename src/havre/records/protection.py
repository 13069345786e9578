"""What the records know of how well databases are saved."""

from __future__ import annotations

from havre.domain.continuity.protection import Protected
from havre.domain.continuity.repositories import Repository
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records import continuity
from havre.records.models import Environment


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
                        local=continuity.last_good(environment, name, Repository.LOCAL),
                        offsite=continuity.last_good(environment, name, Repository.OFFSITE),
                        uses_storage=release.storage_version == version,
                        problems=tuple(continuity.watch_of(environment, name).get("problems", {}).values()),
                    )
                )
    return found
