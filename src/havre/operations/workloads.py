"""A release's services as workloads: references resolved, secrets opened, names given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from havre.adapters import sealing
from havre.config import Config
from havre.domain import naming, references
from havre.domain.continuity import stream
from havre.domain.continuity.repositories import DATA_VOLUME, archive_timeout
from havre.domain.references import Reference
from havre.domain.workload import (
    Attachment,
    EnvVar,
    Resources,
    SecretFile,
    VolumeMount,
    Workload,
)
from havre.errors import SecretError
from havre.manifest import (
    AppService,
    EnvironmentSpec,
    PostgresService,
    RedisService,
    ServiceSpec,
    StaticService,
)
from havre.manifest.services import SecretReference
from havre.operations import declared
from havre.operations.continuity.files import Files, files_of
from havre.operations.continuity.storage import Storage
from havre.operations.release_secrets import password_name
from havre.records.models import Environment, Release, Secret

POSTGRES_IMAGE: Final = "havre/postgres:17"
REDIS_IMAGE: Final = "havre/redis:8"
_DATA_STOP_GRACE: Final = 60.0


@dataclass(frozen=True)
class Composition:
    """Turns one release into workloads."""

    config: Config
    environment: Environment
    release: Release
    spec: EnvironmentSpec
    values: Mapping[str, str]
    """Opened secrets by name; never printed (see ``__repr__``)."""
    storage: Storage | None = None
    """The off-site storage of the release's backups, if there is one."""

    def __repr__(self) -> str:
        return f"Composition({self.environment} r{self.release.number})"

    @classmethod
    def of(cls, config: Config, release: Release) -> Composition:
        """Open the release's secret versions and read its stored configuration.

        Raises:
            SecretError: a version is gone or cannot be opened.
        """
        environment = release.environment
        values = {}
        for name, version in release.secret_versions.items():
            row = Secret.objects.filter(environment=environment, name=name, version=version).first()
            if row is None:
                raise SecretError(f"version {version} of the secret {name} of {environment} is gone")
            opened = sealing.unseal(config.paths.private_key, bytes(row.sealed))
            values[name] = opened.decode()
        spec = EnvironmentSpec.model_validate(release.spec)
        return cls(config, environment, release, spec, values, Storage.of(config, release.storage_version))

    @classmethod
    def unopened(cls, config: Config, release: Release) -> Composition:
        """The same without any secret's value: for what compares and shows, and never runs."""
        spec = EnvironmentSpec.model_validate(release.spec)
        values = dict.fromkeys(release.secret_versions, "")
        storage = Storage.unopened(release.storage_version)
        return cls(config, release.environment, release, spec, values, storage)

    def opened(self) -> list[str]:
        """Every opened value: what must not be read in a log."""
        keys = self.storage.keys if self.storage else None
        return [*self.values.values(), *((keys.key, keys.secret, keys.passphrase) if keys else ())]

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.environment.project.name

    def data(self) -> dict[str, Workload]:
        """The databases and caches, by service."""
        made = {}
        for name, service in self.spec.services.items():
            if isinstance(service, PostgresService):
                made[name] = self._postgres(name, service)
            elif isinstance(service, RedisService):
                made[name] = self._redis(name, service)
        return made

    def applications(self) -> dict[str, Workload]:
        """The services of this release, by service, each under its own numbered name."""
        return {
            name: self.application(name, service)
            for name, service in self.spec.services.items()
            if isinstance(service, AppService | StaticService)
        }

    def application(self, name: str, service: AppService | StaticService) -> Workload:
        """One service of this release."""
        is_app = isinstance(service, AppService)
        program = declared.program(service) if isinstance(service, AppService) else {}
        return Workload(
            name=naming.service_name(self.project, self.environment.name, name, self.release.number),
            image=self.release.images[name],
            labels=self._labels(name, "app"),
            command=service.command or () if isinstance(service, AppService) else (),
            **program,
            env=self._env(name, service) if isinstance(service, AppService) else (),
            attachments=self._attachments(name, is_routed=service.port is not None),
            volumes=self._volumes(service) if isinstance(service, AppService) else (),
            tmpfs=() if is_app else ("/tmp",),  # noqa: S108 - inside the container
            replicas=self.replicas(name, service),
            limits=declared.limits(service),
            reservations=declared.reservations(service),
            stop_grace=service.stop_grace if isinstance(service, AppService) else 10.0,
            check=declared.check(service),
            read_only=not is_app,
            ignore_image_health=service.port is not None,
        )

    def job(self, name: str, service: AppService) -> Workload:
        """The release command of a service, in its new image."""
        return Workload(
            name=naming.job_name(self.project, self.environment.name, name, self.release.number),
            image=self.release.images[name],
            labels=self._labels(name, "job"),
            command=service.release or (),
            **declared.program(service),
            env=self._env(name, service),
            attachments=(Attachment(self._network),),
            limits=declared.limits(service),
            stop_grace=service.stop_grace,
            is_job=True,
            ignore_image_health=True,
        )

    def one_off(
        self,
        name: str,
        service: AppService,
        command: tuple[str, ...],
        *,
        operation: int,
        variables: Mapping[str, str],
    ) -> Workload:
        """A command in a service's image with its variables, network and volumes, as a job."""
        env = {var.name: var for var in self._env(name, service)}
        env |= {key: EnvVar.plain(key, value) for key, value in variables.items()}
        labels = naming.labels(
            self.project,
            self.environment.name,
            service=name,
            role="job",
            release=self.release.number,
            operation=operation,
        )
        return Workload(
            name=naming.run_name(self.project, self.environment.name, name, operation),
            image=self.release.images[name],
            labels=tuple(sorted(labels.items())),
            command=command,
            **declared.program(service),
            env=tuple(env[key] for key in sorted(env)),
            attachments=(Attachment(self._network),),
            volumes=self._volumes(service),
            limits=declared.limits(service),
            stop_grace=service.stop_grace,
            is_job=True,
            ignore_image_health=True,
        )

    def replicas(self, name: str, service: AppService | StaticService) -> int:
        """How many tasks: what `havre scale` said, else the manifest."""
        return self.environment.replicas.get(name, service.replicas)

    def build_args(self, service: AppService | StaticService) -> dict[str, str]:
        """The build arguments, references resolved (the manifest allows none to secrets)."""
        args = service.build.args if service.build else {}
        return {key: references.resolve(value, self._attribute) for key, value in args.items()}

    def build_secrets(self, service: AppService | StaticService) -> dict[str, str]:
        """Values of the secrets that a service is built with, by their id in the build."""
        named = service.build.secrets if service.build else {}
        return {key: self.values[reference.secret] for key, reference in named.items()}

    def swarm_secrets(self) -> dict[str, bytes]:
        """Secrets that the Swarm hands out as files, by the Swarm's name: passwords, keys of backups."""
        found = {
            self._swarm_secret(name): self.values[password_name(name)].encode()
            for name, service in self.spec.services.items()
            if isinstance(service, PostgresService | RedisService)
        }
        return {**found, **{name: text.encode() for f in self._backups() for name, text in f.secrets.items()}}

    def swarm_configs(self) -> dict[str, str]:
        """Files that the Swarm hands out, by the Swarm's name: how databases are backed up."""
        return {name: text for files in self._backups() for name, text in files.configs.items()}

    def _backups(self) -> list[Files]:
        databases = [(n, s) for n, s in self.spec.services.items() if isinstance(s, PostgresService)]
        found = [files_of(self.release, name, service, self.storage) for name, service in databases]
        return [files for files in found if files]

    def public_url(self, service: ServiceSpec) -> str:
        """The address of a service's first domain as users see it; empty if it has none."""
        if not isinstance(service, AppService | StaticService) or not service.domains:
            return ""
        first = service.domains[0]
        scheme, port, usual = (
            ("https", self.config.public_https_port, 443)
            if first.https
            else ("http", self.config.public_http_port, 80)
        )
        path = first.paths[0].rstrip("/") if first.paths else ""
        return f"{scheme}://{first.host}{'' if port == usual else f':{port}'}{path}"

    @property
    def _network(self) -> str:
        return naming.environment_name(self.project, self.environment.name)

    def _attachments(self, name: str, *, is_routed: bool) -> tuple[Attachment, ...]:
        private = Attachment(self._network, (name,))
        if not is_routed:
            return (private,)
        edge = naming.service_name(self.project, self.environment.name, name)
        return (private, Attachment(naming.EDGE_NETWORK, (edge,)))

    def _labels(self, name: str, role: str) -> tuple[tuple[str, str], ...]:
        release = None if role == "data" else self.release.number
        labels = naming.labels(self.project, self.environment.name, service=name, role=role, release=release)
        return tuple(sorted(labels.items()))

    def _volumes(self, service: AppService) -> tuple[VolumeMount, ...]:
        return tuple(VolumeMount(f"{self._network}-{v.name}", v.path) for v in service.volumes)

    def _swarm_secret(self, service: str) -> str:
        version = self.release.secret_versions[password_name(service)]
        return naming.password_secret(self._network, service, version)

    def _postgres(self, name: str, service: PostgresService) -> Workload:
        env = {
            "POSTGRES_USER": self._attribute(Reference(name, "user")),
            "POSTGRES_DB": self.database(name),
            "POSTGRES_PASSWORD_FILE": "/run/secrets/password",
        }
        files = files_of(self.release, name, service, self.storage)
        if files:
            rpo, seconds = service.backups.rpo, self.streams(name)
            env["POSTGRES_ARCHIVE_TIMEOUT"] = str(archive_timeout(rpo, is_streamed=seconds is not None))
            if seconds is not None:
                env["POSTGRES_STREAM_SECONDS"] = str(seconds)
        made = self._database(name, service, volume=DATA_VOLUME, env=env)
        if not files:
            return made
        return replace(
            made,
            volumes=(*made.volumes, files.volume),
            secret_files=(*made.secret_files, *files.secret_files),
            config_files=files.config_files,
        )

    def streams(self, name: str) -> float | None:
        """Seconds between two sendings of a database's WAL; None where it is not streamed."""
        service = self.spec.services[name]
        if not isinstance(service, PostgresService):
            return None
        return stream.interval(service.backups.rpo, has_storage=self.storage is not None)

    def database(self, name: str) -> str:
        """The name of the application's database in a PostgreSQL service."""
        return self._attribute(Reference(name, "database"))

    def database_job(self, name: str, what: str, command: tuple[str, ...], operation: int) -> Workload:
        """A program of a database's image on its volumes, with its settings, as a job.

        Args:
            name: the database's service.
            what: names the job.
            command: the program and its arguments.
            operation: the number of the operation that it belongs to.
        """
        service = self.spec.services[name]
        if not isinstance(service, PostgresService):
            raise TypeError(f"{name} is no PostgreSQL database")
        base = self._postgres(name, service)
        labels = naming.labels(
            self.project, self.environment.name, service=name, role="job", operation=operation
        )
        return replace(
            base,
            name=naming.task_name(self.project, self.environment.name, name, what, operation),
            labels=tuple(sorted(labels.items())),
            entrypoint=command[:1],
            command=command[1:],
            attachments=(Attachment(self._network),),
            env=tuple(sorted((*base.env, EnvVar.plain("POSTGRES_MEMORY_MB", "512")), key=lambda v: v.name)),
            limits=Resources(),
            reservations=Resources(),
            is_job=True,
            ignore_image_health=True,
        )

    def _redis(self, name: str, service: RedisService) -> Workload:
        return self._database(
            name,
            service,
            volume="/data" if service.persistent else "",
            env={
                "REDIS_PASSWORD_FILE": "/run/secrets/password",
                "REDIS_MAXMEMORY": str(int(service.max_memory)),
                "REDIS_PERSISTENCE": "aof" if service.persistent else "none",
            },
        )

    def _database(
        self,
        name: str,
        service: PostgresService | RedisService,
        *,
        volume: str,
        env: dict[str, str],
    ) -> Workload:
        return Workload(
            name=naming.service_name(self.project, self.environment.name, name),
            image=self.release.images[name],
            labels=self._labels(name, "data"),
            env=tuple(EnvVar.plain(key, value) for key, value in sorted(env.items())),
            attachments=(Attachment(self._network, (name,)),),
            volumes=(VolumeMount(f"{self._network}-{name}", volume),) if volume else (),
            secret_files=(SecretFile(self._swarm_secret(name), "password"),),
            limits=declared.limits(service),
            reservations=declared.reservations(service),
            stop_grace=_DATA_STOP_GRACE,
        )

    def _env(self, name: str, service: AppService) -> tuple[EnvVar, ...]:
        made = {"HAVRE_ENVIRONMENT": EnvVar.plain("HAVRE_ENVIRONMENT", self.environment.name)}
        if service.port is not None:
            made["PORT"] = EnvVar.plain("PORT", str(service.port))
        for key, value in service.env.items():
            if isinstance(value, SecretReference):
                version = self.release.secret_versions[value.secret]
                made[key] = EnvVar(key, self.values[value.secret], f"{value.secret}@{version}")
            else:
                stamp = references.resolve(value, self._stamp)
                made[key] = EnvVar(key, references.resolve(value, self._attribute), f"={stamp}")
        for scope, key, value in self.release.variables:
            if scope in {"", name}:
                made[key] = EnvVar.plain(key, value)
        return tuple(made[key] for key in sorted(made))

    def holds_secret(self, value: str) -> bool:
        """Whether a text of the manifest refers to what is, or contains, a password."""
        return any(
            references.is_secret(self.spec.services[each.service].kind, each.attribute)
            for each in references.references(value)
        )

    def _stamp(self, reference: Reference) -> str:
        """What stands for a reference where secrets must not be seen."""
        service = self.spec.services[reference.service]
        if not references.is_secret(service.kind, reference.attribute):
            return self._attribute(reference)
        version = self.release.secret_versions[password_name(reference.service)]
        return f"<{reference.service}.{reference.attribute}@{version}>"

    def _attribute(self, reference: Reference) -> str:
        """The value of ``${service.attribute}``; the manifest has checked that it exists."""
        name = reference.service
        service = self.spec.services[name]
        match service:
            case PostgresService():
                password = self.values[password_name(name)]
                return declared.postgres_attributes(self.project, name, service, password)[
                    reference.attribute
                ]
            case RedisService():
                return declared.redis_attributes(name, self.values[password_name(name)])[reference.attribute]
            case _:
                return {
                    "host": name,
                    "port": str(service.port or ""),
                    "url": f"http://{name}:{service.port}",
                    "public_url": self.public_url(service),
                    "domain": service.domains[0].host if service.domains else "",
                }[reference.attribute]
