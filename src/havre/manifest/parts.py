"""The parts of a service: health, domains, build, volumes, resources. The texts are the documentation.

Every key has a description and an example: the reference page, the JSON Schema and the sample are
made of them (see :mod:`havre.manifest.schema`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from havre.manifest.shortforms import expand_build, expand_health, expand_image, expand_volume
from havre.manifest.values import (
    BuildSecretId,
    Command,
    ContainerPath,
    Count,
    Duration,
    EnvName,
    HealthPath,
    HostName,
    ImageReference,
    LogPattern,
    Name,
    PlainText,
    Port,
    PositiveDuration,
    RepositoryPath,
    RoutePath,
    Size,
    is_local,
)
from havre.manifest.wording import fail, show


class Model(BaseModel):
    """Base of all parts of a manifest: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Share(Model):
    """Processors and memory of one task of a service."""

    cpus: Annotated[StrictFloat, Field(gt=0, le=1024)] | None = Field(
        None, description="Processors; 0.5 is half of one.", examples=[0.5]
    )
    memory: Size | None = Field(None, description="Memory, in steps of 1024.", examples=["512M"])


class Resources(Model):
    """What each task of a service may take, and what is kept free for it."""

    limits: Share | None = Field(
        None,
        description="The most that a task gets. Above the memory it is stopped, above the processors slowed.",
        examples=[{"cpus": 1.0, "memory": "512M"}],
    )
    reservations: Share | None = Field(
        None,
        description="What a node must have free for a task to be placed there.",
        examples=[{"cpus": 0.1, "memory": "128M"}],
    )

    @field_validator("reservations")
    @classmethod
    def _within_limits(cls, share: Share | None, info: ValidationInfo) -> Share | None:
        limits = info.data.get("limits")
        for key in ("cpus", "memory"):
            wanted, most = getattr(share, key, None), getattr(limits, key, None)
            if wanted is not None and most is not None and wanted > most:
                raise fail(f"reserves more {key} than its limit", f"lower {key} here, or raise the limit")
        return share


class Volume(Model):
    """A volume of the environment, where a container sees it."""

    name: Name = Field(
        description="Name of the volume; services that name the same one share it.", examples=["uploads"]
    )
    path: ContainerPath = Field(description="Where the container sees it.", examples=["/app/uploads"])

    _short = model_validator(mode="before")(expand_volume)


class SecretReference(Model):
    """A value that is stored sealed and given to the service at run time only."""

    secret: Name = Field(
        description="Name of the secret, set with `havre secrets set NAME`.", examples=["session-key"]
    )


def _env_tag(value: object) -> str:
    return "secret" if isinstance(value, dict | SecretReference) else "text"


EnvValue = Annotated[
    Annotated[PlainText, Tag("text")] | Annotated[SecretReference, Tag("secret")], Discriminator(_env_tag)
]


class Health(Model):
    """How Havre knows that a task can take requests: a GET that is answered with 2xx or 3xx."""

    path: HealthPath = Field(description="Path that is asked for.", examples=["/health"])
    interval: PositiveDuration = Field(1.0, description="Time between two probes.", examples=["1s"])
    timeout: PositiveDuration = Field(
        2.0, description="Time that an answer may take before the probe counts as failed.", examples=["2s"]
    )
    retries: Count = Field(
        3, description="Failed probes in a row after which a task gets no more requests.", examples=[3]
    )
    start_period: Duration = Field(
        60.0,
        description="Time that a new release has to become healthy before the deployment is undone.",
        examples=["60s"],
    )

    _short = model_validator(mode="before")(expand_health)


class Ready(Model):
    """How Havre knows that a task without a port does its work: by one of `tcp`, `command` and `log`."""

    tcp: Port | None = Field(
        None,
        description="A port that accepts connections, on all addresses of the container.",
        examples=[5672],
    )
    command: Command | None = Field(
        None,
        description="A command that the engine runs in each task's container, again and again; the task is "
        "ready when it exits with 0, and replaced when it later fails.",
        examples=[["node", "dist/ready.js"]],
    )
    log: LogPattern | None = Field(
        None,
        description="A regular expression (RE2) that is found in a line which the task writes.",
        examples=["waiting for jobs"],
    )
    interval: PositiveDuration = Field(2.0, description="Time between two checks.", examples=["2s"])
    timeout: PositiveDuration = Field(
        5.0, description="Time after which a check of `tcp` or `command` counts as failed.", examples=["5s"]
    )
    retries: Count = Field(
        3, description="Failed checks of `command` in a row after which a task is replaced.", examples=[3]
    )
    start_period: Duration = Field(
        60.0,
        description="Time that a new release has to become ready before the deployment is undone.",
        examples=["60s"],
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Ready:
        given = [key for key in ("tcp", "command", "log") if getattr(self, key) is not None]
        if not given:
            raise fail("says neither tcp nor command nor log", "name one, for example ready: {tcp: 5672}")
        if len(given) > 1:
            raise fail(f"names {' and '.join(given)}", "keep one; in an environment, null removes one")
        return self


class Domain(Model):
    """A host name, and which of its paths lead to the service."""

    host: HostName = Field(description="Full host name, in lower case.", examples=["api.example.org"])
    paths: Annotated[tuple[RoutePath, ...], Field(min_length=1)] = Field(
        ("/",),
        description="Beginnings of the paths that lead here; on one host the longest wins.",
        examples=[["/"]],
    )
    redirect_from: tuple[HostName, ...] = Field(
        (), description="Host names that are redirected to this one.", examples=[["www.api.example.org"]]
    )
    https: StrictBool = Field(
        default_factory=lambda data: not is_local(data.get("host", "")),
        description="Serve over HTTPS and redirect HTTP to it. "
        "Default: true, but false for localhost, .localhost, .test, .local and .internal.",
        examples=[True],
    )

    @field_validator("redirect_from")
    @classmethod
    def _elsewhere(cls, hosts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("host") in hosts:
            raise fail(f"redirects {show(info.data['host'])} to itself", "remove it")
        return hosts


class Build(Model):
    """How the image of an app is built."""

    context: RepositoryPath = Field(
        ".",
        description="Folder that the build sees, relative to the folder of havre.yaml.",
        examples=["."],
    )
    dockerfile: RepositoryPath = Field(
        "Dockerfile", description="The Dockerfile, relative to the context.", examples=["apps/api/Dockerfile"]
    )
    target: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = Field(
        None, description="Stage to stop at; default: the last one.", examples=["production"]
    )
    args: dict[EnvName, PlainText] = Field(
        default_factory=dict,
        description="Build arguments. They stay readable in the image: references to passwords are refused.",
        examples=[{"NODE_ENV": "production"}],
    )
    secrets: dict[BuildSecretId, SecretReference] = Field(
        default_factory=dict,
        description="Secrets that steps of the Dockerfile may read, by id, from `/run/secrets/ID`: those "
        "with `RUN --mount=type=secret,id=ID`. They end up in no layer.",
        examples=[{"npm-token": {"secret": "npm-token"}}],
    )

    _short = model_validator(mode="before")(expand_build)


class RegistryAuth(Model):
    """Who asks the registry. Without it, what `docker login` stored for the worker's account is used."""

    secret: Name = Field(
        description="Name of the secret that holds `USER:PASSWORD`, set with `havre secrets set NAME`.",
        examples=["registry-login"],
    )


class Image(Model):
    """A ready image, pulled instead of built."""

    name: ImageReference = Field(
        description="Name with a tag or a digest. A tag is resolved to a digest once, when a commit is "
        "deployed; restarts, rollbacks and later deployments of this commit use that digest.",
        examples=["registry.example.org/team/api:1.4"],
    )
    auth: RegistryAuth | None = Field(
        None, description="The login of a private registry.", examples=[{"secret": "registry-login"}]
    )

    _short = model_validator(mode="before")(expand_image)


class StaticBuild(Model):
    """How the files of a static service are made."""

    context: RepositoryPath = Field(
        ".",
        description="Folder that the build sees, relative to the folder of havre.yaml.",
        examples=["."],
    )
    install: Command | None = Field(
        None,
        description="Command that installs what the build needs; default: chosen by the lock file.",
        examples=["pnpm install --frozen-lockfile"],
    )
    command: Command = Field(
        description="Command that makes the files.", examples=["pnpm --filter web build"]
    )
    output: RepositoryPath = Field(
        description="Folder that holds the files afterwards, relative to the context.",
        examples=["apps/web/dist"],
    )
    args: dict[EnvName, PlainText] = Field(
        default_factory=dict,
        description="Variables of the build. They end up public: references to passwords are refused.",
        examples=[{"VITE_API_URL": "${api.public_url}"}],
    )
    secrets: dict[BuildSecretId, SecretReference] = Field(
        default_factory=dict,
        description="Secrets that `install` and `command` read while they run, by id, from "
        "`/run/secrets/ID`. What the command writes into the files is public.",
        examples=[{"npm-token": {"secret": "npm-token"}}],
    )
