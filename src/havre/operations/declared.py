"""What the manifest declares of a service, in the terms of workloads."""

from __future__ import annotations

from typing import Final, TypedDict

from havre.domain.workload import Check, Resources
from havre.manifest import AppService, PostgresService, ServiceSpec, StaticService

_POSTGRES_PORT: Final = 5432
_REDIS_PORT: Final = 6379


class Program(TypedDict, total=False):
    """How an image is entered."""

    entrypoint: tuple[str, ...]
    user: str
    working_dir: str
    stop_signal: str


def program(service: AppService) -> Program:
    """How the image is entered, for the service and its release command alike."""
    return {
        "entrypoint": service.entrypoint or (),
        "user": service.user or "",
        "working_dir": service.working_dir or "",
        "stop_signal": service.stop_signal or "",
    }


def check(service: AppService | StaticService) -> Check | None:
    """The command by which the engine itself finds out whether a task is ready."""
    ready = service.ready if isinstance(service, AppService) else None
    if ready is None or ready.command is None:
        return None
    return Check(ready.command, ready.interval, ready.timeout, ready.retries, ready.start_period)


def limits(service: ServiceSpec) -> Resources:
    """The most that a task may use."""
    most = service.resources.limits if service.resources else None
    return Resources(most.cpus, most.memory) if most else Resources()


def reservations(service: ServiceSpec) -> Resources:
    """What a task is promised."""
    least = service.resources.reservations if service.resources else None
    return Resources(least.cpus, least.memory) if least else Resources()


def postgres_attributes(project: str, name: str, service: PostgresService, password: str) -> dict[str, str]:
    """What ``${NAME.attribute}`` may refer to; user and database are named after the project by default."""
    fallback = project.replace("-", "_")
    user, database = service.user or fallback, service.database or fallback
    return {
        "host": name,
        "port": str(_POSTGRES_PORT),
        "user": user,
        "database": database,
        "password": password,
        "url": f"postgresql://{user}:{password}@{name}:{_POSTGRES_PORT}/{database}",
    }


def redis_attributes(name: str, password: str) -> dict[str, str]:
    """The same of a Redis."""
    return {
        "host": name,
        "port": str(_REDIS_PORT),
        "password": password,
        "url": f"redis://:{password}@{name}:{_REDIS_PORT}/0",
    }
