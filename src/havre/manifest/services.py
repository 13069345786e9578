"""The kinds of service, each with its keys, defaults and rules. The texts are the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from havre.manifest.parts import (
    Build,
    Domain,
    EnvValue,
    Health,
    Model,
    Resources,
    SecretReference,
    StaticBuild,
    Volume,
)
from havre.manifest.shortforms import expand_service
from havre.manifest.values import (
    Command,
    Count,
    Duration,
    EnvName,
    HostName,
    PlainText,
    Port,
    PostgresName,
    Size,
    is_name,
)
from havre.manifest.wording import fail, show

__all__ = [
    "SERVICE_MODELS",
    "AppService",
    "PostgresService",
    "RedisService",
    "Routed",
    "SecretReference",
    "Service",
    "ServiceSpec",
    "StaticService",
    "Strategy",
    "with_project_defaults",
]

STATIC_PORT: Final = 8080
STATIC_HEALTH_PATH: Final = "/.havre/health"
_MIB: Final = 1024 * 1024


Strategy = Literal["side-by-side", "recreate"]


def _known_strategy(value: object) -> object:
    if isinstance(value, str) and value in {"rolling", "canary"}:
        raise fail(f"got {show(value)}, a word of a later version", "write side-by-side or recreate")
    return value


class Routed(Protocol):
    """What app and static services have in common, seen from the router and the rollout."""

    @property
    def port(self) -> int | None:
        """Port that the container listens on; None for an app that takes no requests."""

    @property
    def health(self) -> Health | None:
        """How to know that a task can take requests; there whenever there is a port."""

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Hosts and paths that lead here."""

    @property
    def strategy(self) -> Strategy:
        """How a release replaces the one before."""

    @property
    def replicas(self) -> int:
        """Number of tasks."""

    @property
    def drain(self) -> float:
        """Seconds that the old release has to finish its requests."""

    @property
    def stop_grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL."""

    @property
    def max_body(self) -> int:
        """Largest request body, in bytes."""


class _RoutedModel(Model):
    """The keys that app and static services share."""

    replicas: Count = Field(1, description="Number of tasks.", examples=[2])
    short_domain: HostName | None = Field(
        None,
        alias="domain",
        exclude=True,
        description="Host name that leads here; short for one entry of `domains`.",
        examples=["api.example.org"],
    )
    domains: tuple[Domain, ...] = Field(
        (),
        description="Host names that lead here, with paths and redirects.",
        examples=[[{"host": "api.example.org"}]],
    )
    drain: Duration = Field(
        10.0,
        description="Time that the old release has to finish its requests after the switch.",
        examples=["10s"],
    )
    stop_grace: Duration = Field(
        30.0,
        description="Time between the signal SIGTERM and the end of a task that does not heed it.",
        examples=["30s"],
    )
    max_body: Size = Field(
        100 * _MIB, description="Largest request body; a larger one is answered with 413.", examples=["100M"]
    )
    resources: Resources | None = Field(
        None,
        description="Processors and memory of each task.",
        examples=[{"limits": {"cpus": 1.0, "memory": "512M"}}],
    )

    _short = model_validator(mode="before")(expand_service)

    @field_validator("short_domain")
    @classmethod
    def _one_form(cls, host: str | None) -> None:
        # A lone `domain` has become an entry of `domains` by now.
        if host is not None:
            raise fail("is given beside domains", "keep one of the two")

    @property
    def domain(self) -> str | None:
        """The first host name, if there is one."""
        return self.domains[0].host if self.domains else None


class AppService(_RoutedModel):
    """A program of yours, built into an image by its Dockerfile."""

    kind: Literal["app"] = Field(description="Kind of service.", examples=["app"])
    build: Build = Field(
        default_factory=Build,
        description="How the image is built; text is short for its `context`.",
        examples=[{"context": ".", "dockerfile": "apps/api/Dockerfile"}],
    )
    command: Command | None = Field(
        None,
        description="Replaces the image's command. A text is split into words; there is no shell.",
        examples=["node dist/main.js"],
    )
    port: Port | None = Field(
        None,
        validate_default=True,
        description="Port that the program listens on; it also finds it as $PORT. "
        "Leave it out for a program that takes no requests.",
        examples=[3000],
    )
    health: Health | None = Field(
        None,
        validate_default=True,
        description="How Havre knows that a task can take requests; text is short for its `path`. "
        "Needed with a port.",
        examples=["/health"],
    )
    env: dict[EnvName, EnvValue] = Field(
        default_factory=dict,
        description="Environment variables: text with references such as `${db.url}` (`$$` is a dollar), "
        "or `{secret: name}`.",
        examples=[{"DATABASE_URL": "${db.url}", "SESSION_KEY": {"secret": "session-key"}}],
    )
    release: Command | None = Field(
        None,
        description="Command that runs once in the new image before it gets any request, such as migrations. "
        "If it fails, nothing changes.",
        examples=["pnpm db:migrate"],
    )
    volumes: tuple[Volume, ...] = Field(
        (),
        description="Volumes of the service; `name:/path` is short for an entry.",
        examples=[["uploads:/app/uploads"]],
    )
    strategy: Annotated[Strategy, BeforeValidator(_known_strategy)] = Field(
        default_factory=lambda data: "recreate" if data.get("volumes") else "side-by-side",
        description="`side-by-side` starts the new release beside the old one and loses no request; "
        "`recreate` stops the old one first. Default: `recreate` with volumes, else `side-by-side`.",
        examples=["side-by-side"],
    )

    @field_validator("port")
    @classmethod
    def _port_of_domains(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port is None and info.data.get("domains"):
            raise fail("is missing", "add the port that the program listens on, for example port: 3000")
        return port

    @field_validator("health")
    @classmethod
    def _health_of_port(cls, health: Health | None, info: ValidationInfo) -> Health | None:
        port = info.data.get("port")
        if health is None and port is not None:
            why = "is missing: Havre sends no request to what it cannot check"
            raise fail(
                why, "add a path that answers 200 when the program is ready, for example health: /health"
            )
        if health is not None and "port" in info.data and port is None:
            raise fail("is of no use without a port", "add the port, or remove health")
        return health

    @field_validator("volumes")
    @classmethod
    def _one_per_path(cls, volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
        paths = [volume.path for volume in volumes]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice:
            raise fail(f"mounts two volumes at {show(twice)}", "give each a path of its own")
        return volumes

    @field_validator("strategy")
    @classmethod
    def _alone_with_volumes(cls, strategy: Strategy, info: ValidationInfo) -> Strategy:
        if strategy == "side-by-side" and info.data.get("volumes"):
            why = "is side-by-side, but two releases must not write to one volume at once"
            raise fail(why, "write recreate, or leave strategy out")
        return strategy


class StaticService(_RoutedModel):
    """Built files (a frontend), served by the platform's web server."""

    kind: Literal["static"] = Field(description="Kind of service.", examples=["static"])
    build: StaticBuild = Field(
        description="How the files are made.",
        examples=[{"command": "pnpm --filter web build", "output": "apps/web/dist"}],
    )
    spa: StrictBool = Field(
        True,
        description="Answer unknown paths with /index.html, as single-page applications need it.",
        examples=[True],
    )

    port: ClassVar[int] = STATIC_PORT
    health: ClassVar[Health] = Health(path=STATIC_HEALTH_PATH)
    strategy: ClassVar[Strategy] = "side-by-side"


class _DataModel(Model):
    """What databases and caches have in common: one task, never reachable from outside."""

    resources: Resources | None = Field(
        None,
        description="Processors and memory.",
        examples=[{"limits": {"cpus": 1.0, "memory": "512M"}}],
    )

    replicas: ClassVar[int] = 1


def _number_of_version(value: object) -> object:
    return 17 if value == "17" else str(value) if isinstance(value, float) else value


class PostgresService(_DataModel):
    """A PostgreSQL database, reachable in the environment's private network only."""

    kind: Literal["postgres"] = Field(description="Kind of service.", examples=["postgres"])
    version: Annotated[
        Literal[17], BeforeValidator(_number_of_version), WithJsonSchema({"enum": [17, "17"]})
    ] = Field(17, description="Major version.", examples=[17])
    database: PostgresName = Field(
        "", description="Name of the database. Default: the project's, with _ for -.", examples=["shop"]
    )
    user: PostgresName = Field(
        "", description="Name of its user. Default: the project's, with _ for -.", examples=["shop"]
    )


class RedisService(_DataModel):
    """A Redis cache, reachable in the environment's private network only."""

    kind: Literal["redis"] = Field(description="Kind of service.", examples=["redis"])
    version: Annotated[PlainText, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$")] | None = Field(
        None, description="Version that the program expects; recorded only.", examples=["7"]
    )
    max_memory: Size = Field(
        128 * _MIB, description="Above this the least used keys are dropped.", examples=["128M"]
    )
    persistent: StrictBool = Field(
        False, description="Keep the data over restarts, on a volume.", examples=[False]
    )


ServiceSpec = AppService | StaticService | PostgresService | RedisService
Service = Annotated[ServiceSpec, Field(discriminator="kind")]
SERVICE_MODELS: Final[Mapping[str, type[ServiceSpec]]] = {
    "app": AppService,
    "static": StaticService,
    "postgres": PostgresService,
    "redis": RedisService,
}


def with_project_defaults(project: Any, services: Any) -> Any:
    """Services as written, with the names that a database takes from its project filled in."""
    if not isinstance(project, str) or not is_name(project) or not isinstance(services, dict):
        return services
    name = project.replace("-", "_")
    return {
        key: {"database": name, "user": name, **service}
        if isinstance(service, dict) and service.get("kind") == "postgres"
        else service
        for key, service in services.items()
    }
