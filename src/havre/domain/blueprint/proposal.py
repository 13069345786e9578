"""What is proposed: lines of a manifest with their reasons, files to write, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Scalar = str | int | bool
Value = TypeVar("Value")


@dataclass(frozen=True)
class Said(Generic[Value]):
    """A value, and why it was chosen: a few words that follow it as a comment."""

    value: Value
    why: str


@dataclass(frozen=True)
class Entry:
    """One key of the manifest: its value or the entries below it, and why."""

    key: str
    value: Scalar | tuple[Entry, ...]
    why: str = ""


@dataclass(frozen=True)
class Gap:
    """Something that the repository does not tell or does not have.

    Args:
        about: service and key, ``api.health``; or a file.
        what: what is missing, one sentence without its full stop.
        remedy: what to do about it.
        blocking: whether a deployment fails as long as nothing is done.
    """

    about: str
    what: str
    remedy: str
    blocking: bool = False


@dataclass(frozen=True)
class NewFile:
    """A file to write: a template of :mod:`havre.blueprints` and what it is filled in with."""

    path: str
    template: str
    values: Mapping[str, object]
    why: str


@dataclass(frozen=True)
class Component:
    """A part of the repository that becomes a service.

    Args:
        name: name of the service.
        kind: ``app`` or ``static``.
        folder: where its sources are.
        what: what it is, for people: ``NestJS``.
        why: what gave it away.
        build: entries below ``build``.
        dependencies: names of the libraries that it uses, in lower case.
        port: on which it listens; None for a program that takes no requests.
        health: path that is asked.
        command: replaces the image's command.
        release: command that runs once before a release gets requests.
        spa: whether unknown addresses get ``index.html``; None where the default is right.
        public: beginnings of names of variables that end up in what browsers load.
        env: variables that the program needs whatever ``.env.example`` says.
        files: what has to be written for it.
        gaps: what is missing.
    """

    name: str
    kind: str
    folder: str
    what: str
    why: str
    build: tuple[Entry, ...] = ()
    dependencies: frozenset[str] = frozenset()
    port: Said[int] | None = None
    health: Said[str] | None = None
    command: Said[str] | None = None
    release: Said[str] | None = None
    spa: Said[bool] | None = None
    public: tuple[str, ...] = ()
    env: tuple[Entry, ...] = ()
    files: tuple[NewFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    is_worker: bool = False
    """Whether it is another process of a component, with the same image."""


@dataclass(frozen=True)
class Proposal:
    """A manifest, the files that it needs, what is missing, and what else was noticed."""

    project: Said[str]
    services: tuple[Entry, ...]
    environments: tuple[Entry, ...]
    files: tuple[NewFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    """Names of the secrets to be set before the first deployment."""
    found: tuple[Said[str], ...] = field(default=())
    """The components and databases, and what gave each away."""
