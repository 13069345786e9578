"""Where a dump comes from, and which rules are for it: a file or a running environment, and a manifest."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside
from havre.adapters.swarm.isolated import exec_in, told
from havre.config import Config
from havre.domain.continuity.repositories import RETURNED
from havre.domain.privacy.decisions import Rules
from havre.domain.privacy.fakes import KEY_BYTES
from havre.errors import HavreError, UsageError
from havre.manifest import Manifest, PostgresService
from havre.operations import enter
from havre.operations.privacy.cluster import refused, stop

_CUSTOM_FORMAT: Final = b"PGDMP"


@dataclass(frozen=True)
class Wanted:
    """The database of a manifest that is meant."""

    project: str
    environment: str
    service: str
    database: str
    rules: Rules
    locale: str
    environments: frozenset[str] = frozenset()
    """All that the manifest knows."""


def wanted(manifest: Manifest, environment: str, service: str) -> Wanted:
    """The database that is meant.

    Args:
        manifest: the project's.
        environment: whose rules count.
        service: name of a service; empty for the only one that is a database.

    Raises:
        UsageError: there is no such environment or database, or several.
    """
    spec = manifest.for_environment(environment)
    databases = {name: s for name, s in spec.services.items() if isinstance(s, PostgresService)}
    known = ", ".join(databases) or "none"
    if not service and len(databases) > 1:
        raise UsageError(f"{spec.project} has several databases", hint=f"choose one: --service ({known})")
    name = service or next(iter(databases), "")
    found = databases.get(name)
    if found is None:
        what = f"{name} is not a database of {spec.project}" if name else f"{spec.project} has no database"
        raise UsageError(what, hint=f"databases in havre.yaml: {known}")
    rules: Rules = found.privacy.tables if found.privacy else {}
    locale = found.privacy.locale if found.privacy else "en_US"
    known_environments = frozenset(manifest.environments)
    return Wanted(spec.project, environment, name, found.database, rules, locale, known_environments)


@contextlib.contextmanager
def from_file(path: Path) -> Iterator[IO[bytes]]:
    """A dump in a file.

    Raises:
        UsageError: it cannot be read, or is no dump in the custom format.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    with stream:
        if stream.read(len(_CUSTOM_FORMAT)) != _CUSTOM_FORMAT:
            raise UsageError(
                f"{path} is no dump in the custom format", hint="make it with: pg_dump --format=custom"
            )
        stream.seek(0)
        yield stream


@contextlib.contextmanager
def from_environment(config: Config, database: Wanted) -> Iterator[IO[bytes]]:
    """A dump of a running database, made while it is read; the database goes on as before.

    Raises:
        UsageError: the database does not run.
        EngineError: it runs on another node.
    """
    engine = Engine(config.docker_host)
    place = enter.find(engine, database.project, database.environment, database.service)
    command = ["havre-dump", database.database]
    enter.note(place, command)
    child = exec_in(engine, place.task.container, command)
    try:
        assert child.stdout is not None  # noqa: S101 - it has pipes
        yield _Checked(child)  # type: ignore[misc] # reads like a file
    finally:
        stop(child)


@contextlib.contextmanager
def from_copy(config: Config, container: str, database: Wanted) -> Iterator[IO[bytes]]:
    """A dump of an isolated copy, which is given back in the end (see :mod:`havre.operations.extract`).

    Args:
        config: the server's settings.
        container: of the copy.
        database: the one that is meant.
    """
    engine = Engine(config.docker_host)
    child = exec_in(engine, container, ["havre-dump", database.database])
    try:
        assert child.stdout is not None  # noqa: S101 - it has pipes
        yield _Checked(child)  # type: ignore[misc] # reads like a file
    finally:
        stop(child)
        with contextlib.suppress(HavreError):  # then it is removed because nobody reads it
            run_inside(engine, container, ["touch", RETURNED])


class _Checked:
    """The output of a program, whose end counts only if the program says so."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end.

        Raises:
            HavreError: the program failed.
        """
        assert self._child.stdout is not None  # noqa: S101 - it has pipes
        block = self._child.stdout.read(size)
        if not block and self._child.wait():
            raise refused("dumping the database", told(self._child))
        return block


def key_of(path: Path | None) -> bytes:
    """The key on which replacements depend: from a file, else a new one that nobody keeps.

    Raises:
        UsageError: the file cannot be read or is too short to be a secret.
    """
    if path is None:
        return secrets.token_bytes(KEY_BYTES)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content.strip()) < KEY_BYTES:
        raise UsageError(
            f"{path} holds fewer than {KEY_BYTES} characters", hint="make one: openssl rand -hex 32"
        )
    return blake2b(content.strip(), digest_size=KEY_BYTES).digest()


def check_target(target: Path, *, force: bool) -> None:
    """Refuse what cannot be written, before hours of work.

    Raises:
        UsageError: the folder is not there, or the file is.
    """
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}")
    if target.is_dir():
        raise UsageError(f"{target} is a folder", hint="name a file, such as copy.dump")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already", hint="name another file, or use --force")
