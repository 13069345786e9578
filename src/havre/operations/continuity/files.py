"""The files by which a database is backed up, and their names in the Swarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from havre.domain import naming
from havre.domain.audit import Kind
from havre.domain.continuity import repositories
from havre.domain.continuity.repositories import Keeping
from havre.domain.database_version import NEWEST
from havre.domain.workload import ConfigFile, SecretFile, VolumeMount
from havre.manifest import PostgresService
from havre.operations.continuity.storage import Storage
from havre.records import continuity
from havre.records.models import Release


@dataclass(frozen=True)
class Files:
    """What the container of a database gets beside its data."""

    volume: VolumeMount
    configs: Mapping[str, str]
    secrets: Mapping[str, str]
    config_files: tuple[ConfigFile, ...]
    secret_files: tuple[SecretFile, ...]

    def __repr__(self) -> str:
        return f"Files({self.volume.volume})"

    @property
    def names(self) -> tuple[tuple[Kind, tuple[str, ...]], ...]:
        """Names in the engine by kind."""
        return (
            (Kind.VOLUME, (self.volume.volume,)),
            (Kind.CONFIG, tuple(self.configs)),
            (Kind.SECRET, tuple(self.secrets)),
        )


def files_of(release: Release, name: str, service: PostgresService, storage: Storage | None) -> Files | None:
    """How a release backs up a database; None if it does not."""
    if not continuity.backs_up(release, service):
        return None
    environment = str(release.environment)
    place = storage.place if storage else None
    text = repositories.config_text(
        Keeping(*service.backups.keep.days),
        place,
        f"{environment}/{name}",
        by_blocks=service.version in {None, NEWEST},
    )
    config = naming.backup_config(environment, name, "backups", text)
    configs, config_files = {config: text}, [ConfigFile(config, repositories.CONFIG)]
    secrets, secret_files = {}, []
    if storage and storage.ca:
        authority = naming.backup_config(environment, name, "offsite-ca", storage.ca)
        configs[authority] = storage.ca
        config_files.append(ConfigFile(authority, repositories.CA_FILE))
    if storage:
        secret = naming.offsite_secret(environment, name, storage.place.version)
        secrets[secret] = repositories.secret_text(storage.keys)
        secret_files.append(SecretFile(secret, repositories.SECRET_CONFIG))
    return Files(
        VolumeMount(naming.backup_volume(environment, name), repositories.FOLDER),
        configs,
        secrets,
        tuple(config_files),
        tuple(secret_files),
    )
