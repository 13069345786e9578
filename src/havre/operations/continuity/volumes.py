"""Volumes of services: which are saved, and how what was saved of one comes back."""

from __future__ import annotations

from typing import Final

from havre.domain import naming, times
from havre.domain.continuity.archive import Snapshot
from havre.errors import BackupError
from havre.manifest import AppService, EnvironmentSpec, RedisService
from havre.operations.context import Run
from havre.operations.continuity.archive import Archive
from havre.records.models import Environment, Release

_FOLDER: Final = "/volumes"


def volumes_of(environment: Environment, release: Release) -> list[str]:
    """The volumes of a release whose files are saved as they are: of applications and caches."""
    prefix = naming.environment_name(environment.project.name, environment.name)
    found: list[str] = []
    for name, service in EnvironmentSpec.model_validate(release.spec).services.items():
        if isinstance(service, AppService):
            found += [f"{prefix}-{volume.name}" for volume in service.volumes]
        elif isinstance(service, RedisService) and service.persistent:
            found.append(f"{prefix}-{name}")
    return list(dict.fromkeys(found))


def path_of(volume: str) -> str:
    """Where the archive's container sees a volume, and by which its files are saved."""
    return f"{_FOLDER}/{volume}"


def restore_volume(run: Run, opened: Archive, volume: str, saved: Snapshot | None) -> str:
    """Write what was saved to where a container of the archive sees a volume; words about it.

    Raises:
        BackupError: it could not be read or written.
    """
    if saved is None:
        run.log(f"{volume} was never saved: it is empty")
        return f"{volume}: empty"
    told = f"{volume} of {times.shown(saved.made_at)}"
    run.part(f"volume {volume}", told)
    try:
        opened.restore_folder(saved.id, path_of(volume), path_of(volume))
    except BackupError as error:
        message = f"the volume {volume} could not be restored: {error.message}"
        raise BackupError(message, hint=error.hint, detail=error.detail) from error
    return told
