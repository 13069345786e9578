"""Programs of the user: their keys, defaults and rules. The texts are the documentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from havre.manifest.cron import CronJob
from havre.manifest.parts import (
    Build,
    EnvValue,
    Health,
    Image,
    Ready,
    Volume,
)
from havre.manifest.routed import RoutedModel
from havre.manifest.strategy import RECREATE, SIDE_BY_SIDE, WHAT_STRATEGY, Strategy, routed
from havre.manifest.values import (
    Command,
    ContainerPath,
    ContainerUser,
    EnvName,
    Name,
    Port,
    StopSignal,
)
from havre.manifest.wording import fail, show


class AppService(RoutedModel):
    """A program of yours, built into an image by its Dockerfile, or a ready image."""

    kind: Literal["app"] = Field(description="Kind of service.", examples=["app"])
    image: Image | None = Field(
        None,
        description="A ready image, instead of `build`; text is short for its `name`.",
        examples=["registry.example.org/team/api:1.4"],
    )
    build: Build | None = Field(
        default_factory=lambda data: None if data.get("image") else Build(),
        description="How the image is built; text is short for its `context`.",
        examples=[{"context": ".", "dockerfile": "apps/api/Dockerfile"}],
    )
    entrypoint: Command | None = Field(
        None,
        description="Replaces the image's entry point: the program to which `command` is given.",
        examples=[["/usr/local/bin/start"]],
    )
    command: Command | None = Field(
        None,
        description="Replaces the image's command. A text is split into words; there is no shell.",
        examples=["node dist/main.js"],
    )
    user: ContainerUser | None = Field(
        None, description="Replaces the image's user, and its group after a colon.", examples=["1000:1000"]
    )
    working_dir: ContainerPath | None = Field(
        None, description="Replaces the folder in which the program starts.", examples=["/app"]
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
    ready: Ready | None = Field(
        None,
        description="How Havre knows that a task without a port does its work. "
        "Without it, one that runs for three seconds counts as ready.",
        examples=[{"log": "waiting for jobs"}],
    )
    stop_signal: StopSignal | None = Field(
        None,
        description="Signal that asks a task to end; `stop_grace` later it is killed. "
        "Default: what the image says, else `SIGTERM`.",
        examples=["SIGINT"],
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
    cron: dict[Name, CronJob] = Field(
        default_factory=dict,
        description="Commands that run at certain times, by name; see `havre cron`.",
        examples=[{"nightly": {"schedule": "0 3 * * *", "command": "node dist/nightly.js"}}],
    )
    volumes: tuple[Volume, ...] = Field(
        (),
        description="Volumes of the service; `name:/path` is short for an entry.",
        examples=[["uploads:/app/uploads"]],
    )
    strategy: Annotated[Strategy, AfterValidator(routed)] = Field(
        default_factory=lambda data: RECREATE if data.get("volumes") else SIDE_BY_SIDE,
        description=WHAT_STRATEGY,
        examples=["side-by-side"],
    )

    @field_validator("build")
    @classmethod
    def _build_or_image(cls, build: Build | None, info: ValidationInfo) -> Build | None:
        image = info.data.get("image")
        if build is not None and image is not None:
            why = "is given beside image"
            raise fail(why, "keep one of the two; in an environment, build: null or image: null removes one")
        if build is None and image is None and "image" in info.data:
            raise fail("is null, and there is no image", "write build: . or an image")
        return build

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

    @field_validator("ready")
    @classmethod
    def _ready_without_port(cls, ready: Ready | None, info: ValidationInfo) -> Ready | None:
        if ready is not None and info.data.get("port") is not None:
            raise fail("is of no use beside a port", "health says when it is ready; remove ready")
        return ready

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
        if strategy.kind != "recreate" and info.data.get("volumes"):
            why = f"is {strategy.kind}, but two releases must not write to one volume at once"
            raise fail(why, "write recreate, or leave strategy out")
        return strategy
