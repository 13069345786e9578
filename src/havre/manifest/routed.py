"""What services that take requests share: routes, tasks, times; and the one that serves files."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Protocol

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    field_validator,
    model_validator,
)

from havre.manifest.parts import (
    Domain,
    Health,
    Model,
    Resources,
    StaticBuild,
)
from havre.manifest.shortforms import expand_service
from havre.manifest.strategy import SIDE_BY_SIDE, WHAT_STRATEGY, Strategy, routed
from havre.manifest.values import (
    Count,
    Duration,
    HostName,
    Size,
)
from havre.manifest.wording import fail

STATIC_PORT: Final = 8080
STATIC_HEALTH_PATH: Final = "/.havre/health"
MIB: Final = 1024 * 1024


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


class RoutedModel(Model):
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
        description="Time between the stop signal and the end of a task that does not heed it.",
        examples=["30s"],
    )
    max_body: Size = Field(
        100 * MIB, description="Largest request body; a larger one is answered with 413.", examples=["100M"]
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


class StaticService(RoutedModel):
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

    strategy: Annotated[Strategy, AfterValidator(routed)] = Field(
        SIDE_BY_SIDE, description=WHAT_STRATEGY, examples=["side-by-side"]
    )

    port: ClassVar[int] = STATIC_PORT
    health: ClassVar[Health] = Health(path=STATIC_HEALTH_PATH)
