"""What the API takes and answers. Unknown keys are errors; names are the manifest's own kinds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from havre.manifest.values import EnvName, Name, RepositoryPath
from havre.manifest.wording import fail, show

SECRET_LONGEST: Final = 64 * 1024
"""Bytes of a secret's value."""
VALUE_LONGEST: Final = 32 * 1024
"""Bytes of a variable's value: what a process's environment takes with ease."""

# A Git URL: one with a scheme, or the short form of SSH. No other transport (``ext::`` runs a
# program), nothing that Git could take for an option, no password.
_URL = re.compile(
    r"(?:https?|ssh|git)://(?:[A-Za-z0-9._~-]+@)?[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*/[^\s\x00-\x1f\x7f]+"
)
_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:(?!-)[^\s\x00-\x1f\x7f:]+")
_REF = r"[A-Za-z0-9_][A-Za-z0-9._/@+#=-]{0,249}"


def is_git_url(source: str) -> bool:
    """Whether a source is the address of a repository elsewhere."""
    return bool(_URL.fullmatch(source) or _SCP.fullmatch(source))


def _source(text: str) -> str:
    if text.startswith("/") and not re.search(r"[\x00-\x1f\x7f]", text):
        return text
    if re.match(r"[a-z]+://[^/@]*:[^/@]*@", text):
        raise fail("holds a password, which would be stored and shown", "use SSH and a deploy key")
    if not is_git_url(text):
        raise fail(
            f"{show(text)} is neither a Git address nor a folder",
            "write an absolute path, or an address by https, ssh or git@host:path",
        )
    return text


def _ref(text: str) -> str:
    is_bad = ".." in text or "@{" in text or text.endswith(("/", ".", ".lock"))
    if is_bad or not re.fullmatch(_REF, text):
        raise fail(
            f"{show(text)} is not the name of a branch, a tag or a commit",
            "expressions such as HEAD~1 are understood in a folder of the repository; else give the commit",
        )
    return text


def _fits(longest: int) -> AfterValidator:
    def check(text: str) -> str:
        # The messages must not hold the value.
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise fail("is not text in UTF-8") from None
        if "\x00" in text:
            raise fail("holds a zero byte, which no environment variable can")
        if size > longest:
            raise fail(f"is longer than {longest // 1024} KiB")
        return text

    return AfterValidator(check)


Source = Annotated[str, StringConstraints(max_length=500), AfterValidator(_source)]
Subfolder = Annotated[RepositoryPath, StringConstraints(max_length=300)]
Ref = Annotated[str, AfterValidator(_ref), WithJsonSchema({"type": "string", "pattern": f"^(?:{_REF})$"})]
SecretValue = Annotated[str, Field(min_length=1), _fits(SECRET_LONGEST)]
Value = Annotated[str, _fits(VALUE_LONGEST)]
Confirm = Annotated[str, Field(max_length=70)]
"""The full name of a protected environment, ``PROJECT-ENVIRONMENT``, which asks for it."""


class Wanted(Schema):
    """Base of what is taken: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Step(Schema):
    """One step of an operation."""

    name: str
    title: str
    state: str
    message: str
    started_at: datetime | None
    finished_at: datetime | None


class Operation(Schema):
    """Any long action. ``target`` outlives the environment; the two names are empty then."""

    id: int
    kind: str
    project: str
    environment: str
    target: str
    state: str
    params: dict[str, Any]
    result: dict[str, Any]
    error: dict[str, Any] | None
    actor: str
    attempt: int
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    steps: list[Step]


# Environments


class Version(Schema):
    """Which Havre answers."""

    version: str


class Project(Schema):
    """What one ``havre.yaml`` describes."""

    name: str
    source: str
    subfolder: str
    environments: list[str]


class Beside(Schema):
    """A release that shares the requests with the live one, during a canary or a rolling update.

    ``weights``: by service, the percent of requests that it gets; null: by its number of tasks.
    """

    release: int
    weights: dict[str, int | None]


class Promotion(Wanted):
    """How far a canary goes: to its next weight, or to all requests."""

    fully: StrictBool = False
    confirm: Confirm = ""


class Abortion(Wanted):
    """That a canary is given up."""

    confirm: Confirm = ""


class DriftField(Schema):
    """What was wanted and what was found; values of variables are hidden."""

    path: str
    before: str
    after: str


class Drift(Schema):
    """One thing that is not as it was deployed: ``changed``, ``missing`` or ``strange``."""

    kind: str
    name: str
    state: str
    fields: list[DriftField]


class Environment(Schema):
    """One running copy of a project.

    ``state``: ``new`` (nothing was deployed yet), ``live``, or while an operation is under way its
    kind (``deploy``, ``scale`` …). ``drift``: what was changed in the engine by hand, as far as the
    worker's watch has seen.
    """

    project: str
    environment: str
    release: int | None
    commit: str
    subject: str
    state: str
    deployed_at: datetime | None
    urls: list[str]
    beside: Beside | None
    protected: bool
    drift: list[Drift]


class Build(Schema):
    """How an image was built: bytes, seconds, and name, seconds and cached of each stage."""

    service: str
    tag: str
    image_id: str
    size: int
    seconds: float
    stages: list[dict[str, Any]]


class Release(Schema):
    """``kept``: its tasks stand by at zero, so that a rollback to it takes seconds.

    ``restorable``: its images are kept, so that it can be rolled back to at all without a build.
    ``restore_point``: a moment before its release command; per database its LSN, timeline and time.
    """

    number: int
    state: str
    commit: str
    ref: str
    subject: str
    images: dict[str, str]
    created_at: datetime
    live_at: datetime | None
    current: bool
    kept: bool
    restorable: bool
    builds: list[Build]
    secret_versions: dict[str, int]
    restore_point: dict[str, Any] | None

    @field_validator("restore_point", mode="before")
    @classmethod
    def _without_counters(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """How many rows had been written, per table, is for Havre itself."""
        if not value:
            return value
        databases = {
            name: {key: told for key, told in point.items() if key != "counters"}
            for name, point in value["databases"].items()
        }
        return {**value, "databases": databases}


class Exec(Wanted):
    """Somebody goes into a task's container: ``SERVICE.N``, the program, and the account that asks."""

    task: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,100}$")]
    program: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    account: Annotated[str, StringConstraints(max_length=100)]
    confirm: Confirm = ""


# Variables, secrets


class Variable(Schema):
    """An environment variable; an empty service means every app."""

    service: str
    name: str
    value: str


class SetVariables(Wanted):
    """Variables to set, all of them or none."""

    service: Name | Literal[""] = ""
    values: Annotated[dict[EnvName, Value], Field(min_length=1, max_length=500)]


class UnsetVariables(Wanted):
    """Variables to forget."""

    service: Name | Literal[""] = ""
    names: Annotated[list[EnvName], Field(min_length=1, max_length=500)]


class CopySettings(Wanted):
    """Where to copy from.

    ``overwrite`` lets other values be replaced; ``confirm`` is the full name of the environment that is
    copied into, if that is protected.
    """

    source: Name
    secrets: StrictBool = False
    dry_run: StrictBool = False
    overwrite: StrictBool = False
    confirm: Confirm = ""


class CopiedSetting(Schema):
    """A variable or secret, and what becomes of it: ``create``, ``overwrite`` or ``same``."""

    kind: str
    service: str
    name: str
    outcome: str


class Secret(Schema):
    """A secret, never its value."""

    name: str
    version: int
    created_at: datetime
    actor: str
    generated: bool
    unset_at: datetime | None


class SetSecret(Wanted):
    """A secret's value."""

    value: SecretValue


class SecretVersion(Schema):
    """The version that was stored."""

    name: str
    version: int
