"""The secrets of a release: passwords that Havre makes, and which versions a release runs with."""

from __future__ import annotations

import secrets as random
from typing import Final

from havre.adapters import sealing
from havre.config import Config
from havre.errors import SecretError
from havre.manifest import AppService, EnvironmentSpec, PostgresService, RedisService, StaticService
from havre.manifest.services import SecretReference
from havre.records import queries
from havre.records.models import Environment

_PASSWORD_BYTES: Final = 24


def password_name(service: str) -> str:
    """Name of the generated password of a database; the dot keeps it apart from users' names."""
    return f"{service}.password"


def ensure_passwords(config: Config, environment: Environment, spec: EnvironmentSpec) -> None:
    """Make a password for each database and cache that has none yet."""
    known = queries.current_secrets(environment)
    for name, service in spec.services.items():
        if isinstance(service, PostgresService | RedisService) and password_name(name) not in known:
            sealed = sealing.seal(config.paths.public_key, random.token_urlsafe(_PASSWORD_BYTES).encode())
            queries.add_secret(environment, password_name(name), sealed, actor="havre", generated=True)


def secret_versions(environment: Environment, spec: EnvironmentSpec) -> dict[str, int]:
    """The versions of the secrets that a new release is to run with.

    A generated password that is not there yet has the version that it will get.

    Raises:
        SecretError: some that the manifest names are not set; all are named at once.
    """
    known = queries.current_secrets(environment)
    missing = sorted(secrets_named(spec) - known.keys())
    if missing:
        raise SecretError(
            f"{environment} has no secret {', '.join(missing)}",
            hint=" and ".join(f"run `havre secrets set {name}`" for name in missing)
            + f" (for --env {environment.name}); the value is read from standard input",
        )
    used = _secrets_of_programs(spec) | {
        password_name(name)
        for name, service in spec.services.items()
        if isinstance(service, PostgresService | RedisService)
    }
    return {
        name: known[name].version if name in known else queries.last_secret_version(environment, name) + 1
        for name in sorted(used)
    }


def secrets_named(spec: EnvironmentSpec) -> set[str]:
    """The secrets that a manifest wants people to set."""
    logins = {
        service.image.auth.secret
        for service in spec.services.values()
        if isinstance(service, AppService) and service.image and service.image.auth
    }
    return logins | _secrets_of_programs(spec)


def _secrets_of_programs(spec: EnvironmentSpec) -> set[str]:
    """Without logins of registries: these are not part of a release, so that they can expire."""
    apps = [service for service in spec.services.values() if isinstance(service, AppService)]
    values = [value for service in apps for value in service.env.values()]
    databases = [service for service in spec.services.values() if isinstance(service, PostgresService)]
    told = [job.on_failure for service in apps for job in service.cron.values()]
    told += [spec.backup.on_failure, *(database.backups.on_failure for database in databases)]
    hooks = [hook.url for hook in told if hook]
    built = [s for s in spec.services.values() if isinstance(s, AppService | StaticService) and s.build]
    builds = [value for service in built if service.build for value in service.build.secrets.values()]
    return {value.secret for value in [*values, *hooks, *builds] if isinstance(value, SecretReference)}
