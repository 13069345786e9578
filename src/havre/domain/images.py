"""Ready images: their names, logins to registries, and what a pull tells.

Names follow the grammar of https://pkg.go.dev/github.com/distribution/reference: an optional host
of a registry, a path, and a tag, a digest, or both (then the digest counts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from havre.errors import SecretError

DEFAULT_REGISTRY: Final = "docker.io"
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
IMAGE_PATTERN: Final = (
    rf"(?:{_HOST}(?::[0-9]{{1,5}})?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
LONGEST_NAME: Final = 255
_IMAGE_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageName:
    """A name as a manifest says it; without tag and digest the tag is ``latest``."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """The parts of a name that matches :data:`IMAGE_PATTERN`."""
        rest, _, digest = text.partition("@")
        head, _, last = rest.rpartition("/")
        last, _, tag = last.partition(":")
        repository = f"{head}/{last}" if head else last
        return cls(repository, tag or ("" if digest else "latest"), digest)

    @property
    def registry(self) -> str:
        """Host (and port) of the registry that has it."""
        first, slash, _ = self.repository.partition("/")
        is_host = bool(slash) and (first == "localhost" or "." in first or ":" in first)
        return first if is_host else DEFAULT_REGISTRY

    def is_same_repository(self, other: ImageName) -> bool:
        """Whether both name one repository: ``nginx`` is ``docker.io/library/nginx``."""
        return self._full_repository == other._full_repository

    @property
    def _full_repository(self) -> str:
        path = self.repository.removeprefix("index.").removeprefix(f"{DEFAULT_REGISTRY}/")
        if self.registry not in {DEFAULT_REGISTRY, f"index.{DEFAULT_REGISTRY}"}:
            return self.repository
        return f"{DEFAULT_REGISTRY}/{path if '/' in path else f'library/{path}'}"

    def at(self, digest: str) -> str:
        """The image of that digest, as an engine takes it."""
        return f"{self.repository}@{digest}"

    def __str__(self) -> str:
        return self.at(self.digest) if self.digest else f"{self.repository}:{self.tag}"


def is_image_id(reference: str) -> bool:
    """Whether an image is addressed by its id, so that no registry can give it again."""
    return _IMAGE_ID.fullmatch(reference) is not None


def short(reference: str) -> str:
    """A reference for people: of the digest only as much as tells it apart."""
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1", reference)


@dataclass(frozen=True)
class Login:
    """Who asks a registry."""

    user: str
    password: str = field(repr=False)


def parse_login(secret: str, value: str) -> Login:
    """The login that a secret holds as ``USER:PASSWORD``.

    Raises:
        SecretError: it is not of that form.
    """
    user, colon, password = value.strip().partition(":")
    if not (user and colon and password):
        raise SecretError(
            f"the secret {secret} is no login for a registry",
            hint=f"`havre secrets set {secret}` with USER:PASSWORD; a token takes the password's place",
        )
    return Login(user, password)


class PullLog:
    """Makes readable lines of what an engine tells while it pulls.

    The engine sends one JSON object per change of one layer (Engine API, ``POST /images/create``),
    many times a second. A line comes out when a layer is done, and at most one a second in between.
    """

    def __init__(self) -> None:
        self._done: dict[str, bool] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._told = 0.0

    def feed(self, event: dict[str, Any], at: float) -> str | None:
        """The line for an event that came at ``at`` (seconds of a steady clock), if there is one."""
        status, layer = str(event.get("status", "")), str(event.get("id", ""))
        if status in {"Pulling fs layer", "Waiting"}:
            self._done.setdefault(layer, False)
            return None
        if status in {"Pull complete", "Already exists"}:
            self._done[layer] = True
            return f"layer {layer}: {status.lower()} ({sum(self._done.values())} of {len(self._done)})"
        if status == "Downloading":
            return self._progress(layer, event.get("progressDetail") or {}, at)
        return None

    def _progress(self, layer: str, detail: dict[str, Any], at: float) -> str | None:
        self._bytes[layer] = (int(detail.get("current") or 0), int(detail.get("total") or 0))
        if at - self._told < 1.0:
            return None
        self._told = at
        current, total = (sum(amount) for amount in zip(*self._bytes.values(), strict=True))
        return f"downloaded {current / 1e6:.0f} of {total / 1e6:.0f} MB"
