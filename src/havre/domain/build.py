"""What is to be built, and what came of it: plain values, and the client's arguments by value.

How the log is read, and how a failure is explained: :mod:`havre.domain.build_log`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from havre.errors import BuildError

CA_SECRET = "ca-certificates"  # noqa: S105 - the name of a build secret, not a secret
"""Build secret that every build is offered: the host's CA certificates, proxies' own included."""

CA_TARGET = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and Alpine images look for CA certificates, and where the host's bundle is."""

CA_MOUNT = f"--mount=type=secret,id={CA_SECRET},target={CA_TARGET},mode=0444"
"""Option of a ``RUN`` that downloads: trusts what the host trusts, leaves nothing in the image."""

GENERATED_NAME = "Dockerfile"
IMAGE_ID_NAME = "image-id"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_ID = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"  # noqa: S105 - a form, not a secret
"""Form of a build secret's id."""

_SECRET_ID = re.compile(SECRET_ID)
_STAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAG = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+|__[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?")


@dataclass(frozen=True)
class BuildRequest:
    """One image to build. Values are not secret: build arguments end up in an image's history.

    Args:
        context: folder sent to the builder, absolute.
        dockerfile: path of the Dockerfile below the context; not used when there is a text.
        dockerfile_text: a generated Dockerfile, kept outside the context.
        ignore_text: lines of ``.dockerignore`` for a generated Dockerfile, used when the context has none.
        target: stage to build; empty for the last one.
        args: build arguments (``ARG``), for what is not secret.
        tags: names for people, ``project/service:environment-commit-N``.
        labels: labels of the image.
        secrets: build secrets by id, each the path of a file; never part of the image.
        no_cache: whether to build every step anew (cache mounts stay).
    """

    context: Path
    dockerfile: str = "Dockerfile"
    dockerfile_text: str | None = None
    ignore_text: str = ""
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    no_cache: bool = False

    def __post_init__(self) -> None:
        """Refuse what a client would read as something else.

        Raises:
            BuildError: a name is not one, or a value holds a NUL.
        """
        if not self.context.is_absolute():
            raise BuildError(f"The build context {self.context} is not an absolute path.")
        _each(self.args, _NAME, "build argument")
        _each(self.secrets, _SECRET_ID, "build secret")
        _each(self.tags, _TAG, "image name")
        if self.target:
            _each((self.target,), _STAGE, "build stage")
        if any("\0" in text for text in (*self.args.values(), *self.labels, *self.labels.values())):
            raise BuildError("A build argument or a label contains a NUL character.")
        if any(not name or "=" in name for name in self.labels):
            raise BuildError("A label's name is empty or contains “=”.")


@dataclass(frozen=True)
class StageTiming:
    """How long one stage of a Dockerfile took.

    Args:
        name: the stage's name; ``stage-N`` without one. ``(context)`` is reading the Dockerfile, the
            context and the base images' descriptions, ``(export)`` is writing the image.
        seconds: time of the stage's steps, added up (stages may run side by side).
        cached: whether every step came from the cache.
        steps: number of steps.
    """

    name: str
    seconds: float
    cached: bool
    steps: int


@dataclass(frozen=True)
class BuildResult:
    """A built image: ``image_id`` is ``sha256:…``, ``size`` in bytes, ``seconds`` of wall time."""

    image_id: str
    size: int
    seconds: float
    stages: tuple[StageTiming, ...] = ()


def build_arguments(request: BuildRequest, *, scratch: Path, buildx: bool = False) -> tuple[str, ...]:
    """The client's arguments for a build, after ``docker --host …``.

    Never ``--pull``: a base image that is on the server is the one to use. Each option carries its
    value behind ``=``, so no value can pass for an option.

    Args:
        request: what to build.
        scratch: folder outside the context, for the generated Dockerfile and the image's id.
        buildx: whether the client builds with buildx.
    """
    generated = request.dockerfile_text is not None
    dockerfile = scratch / GENERATED_NAME if generated else request.context / request.dockerfile
    arguments = [
        *(("buildx", "build", "--builder=default", "--load") if buildx else ("build",)),
        "--progress=plain",
        "--network=default",
        f"--file={dockerfile}",
        f"--iidfile={scratch / IMAGE_ID_NAME}",
    ]
    if request.target:
        arguments.append(f"--target={request.target}")
    arguments += [f"--tag={tag}" for tag in request.tags]
    arguments += [f"--label={name}={value}" for name, value in sorted(request.labels.items())]
    arguments += [f"--build-arg={name}={value}" for name, value in sorted(request.args.items())]
    for name, path in sorted(request.secrets.items()):
        arguments.append(f"--secret=id={name},{_csv_field(f'src={path}')}")
    if request.no_cache:
        arguments.append("--no-cache")
    return (*arguments, str(request.context))


def _csv_field(text: str) -> str:
    """One field of the comma-separated value that ``--secret`` reads (RFC 4180)."""
    if any(char in text for char in ',"\n\r'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def _each(names: Mapping[str, object] | tuple[str, ...], pattern: re.Pattern[str], what: str) -> None:
    for name in names:
        if not pattern.fullmatch(name):
            raise BuildError(f"{name!r} is not a valid {what}.", hint="Correct it in the manifest.")
