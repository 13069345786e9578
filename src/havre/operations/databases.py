"""A running database in the hands of an administrator: figures, dumps, and dumps brought back.

It runs in the process of who asks and goes through the engine, as ``havre exec`` does (docs/adr/0016).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from havre.adapters.postgres import figures as asked
from havre.adapters.postgres.dump_script import quoted
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside, tell_inside
from havre.adapters.swarm.isolated import exec_in, told
from havre.config import Config
from havre.domain import naming
from havre.domain.database_figures import warnings
from havre.errors import ConflictError, HavreError, UsageError
from havre.operations import enter
from havre.operations.privacy.cluster import refused, stop

Tell = Callable[[str, int, int], None]
"""Takes what is being done, the bytes that are done, and those there are (0: not known)."""

_BLOCK: Final = 1 << 20
_LONGEST_NAME: Final = 63
_MAGIC: Final = b"PGDMP"
_EXTENSION: Final = " EXTENSION - "


@dataclass(frozen=True)
class Live:
    """A running database: its task, its name, and the role that owns it."""

    engine: Engine
    place: enter.Place
    database: str
    role: str

    def start(
        self, command: Sequence[str], *, stdin: IO[bytes] | int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """A program in its container."""
        return exec_in(self.engine, self.place.task.container, command, stdin=stdin)

    def ask(self, text: str, *, database: str = "postgres", **variables: str) -> str:
        """The answer to a script for psql, as the administrator.

        Raises:
            HavreError: the database refused.
        """
        command = [
            "psql", "--username=postgres", f"--dbname={database}", "--no-psqlrc", "--quiet", "--tuples-only",
            "--no-align", "--set=ON_ERROR_STOP=1",
            *(f"--set={name}={value}" for name, value in variables.items()),
        ]  # fmt: skip
        answer = tell_inside(self.engine, self.place.task.container, command, text.encode())
        if not answer.is_good:
            raise HavreError(f"the database refused: {answer.err.strip()[:500]}")
        return answer.out.strip()

    def names(self) -> set[str]:
        """The databases that are there."""
        return {row["name"] for row in databases(self)}


def find(config: Config, project: str, environment: str, service: str) -> Live:
    """The database that is meant: the named one, else the only one.

    Raises:
        UsageError: there is none, or several, or it does not run.
        EngineError: the engine refuses, or it runs on another node.
    """
    engine = Engine(config.docker_host)
    snapshot = engine.environment(project, environment)
    data = {each.label(naming.SERVICE) for each in snapshot.services if each.label(naming.ROLE) == "data"}
    if service and service not in data:
        raise UsageError(
            f"{service} is no database of {project}/{environment}", hint=f"known: {', '.join(sorted(data))}"
        )
    found = {}
    for name in sorted(data if not service else {service}):
        place = enter.find(engine, project, environment, name)
        database, role = (
            run_inside(engine, place.task.container, ["printenv", variable]).out.strip()
            for variable in ("POSTGRES_DB", "POSTGRES_USER")
        )
        if database and role:
            found[name] = Live(engine, place, database, role)
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        hint = f"choose one: --service ({', '.join(found)})"
        raise UsageError(f"{project}/{environment} has several databases", hint=hint)
    raise UsageError(
        f"no PostgreSQL database runs in {project}/{environment}", hint="havre ps shows what does"
    )


def databases(live: Live) -> list[dict[str, Any]]:
    """The databases of its server: ``name``, ``owner``, ``size`` in bytes, ``connections``."""
    found: list[dict[str, Any]] = json.loads(live.ask(asked.DATABASES))
    return found


def figures(live: Live) -> dict[str, Any]:
    """Its figures (see ``adapters.postgres.figures``), ``statements`` (null: not measured), ``warnings``."""
    found: dict[str, Any] = json.loads(live.ask(asked.FIGURES, database=live.database))
    slow = live.ask(asked.STATEMENTS, name=live.database)
    return {**found, "statements": json.loads(slow) if slow else None, "warnings": list(warnings(found))}


# Dumps


def dump(live: Live, target: Path, tell: Tell) -> int:
    """Write a dump of it into a file, which is there only once the dump was read back whole; its bytes.

    Raises:
        UsageError: the file is there, or cannot be written.
        HavreError: dumping failed, or what was written cannot be read back.
    """
    if target.exists() or not target.parent.is_dir():
        raise UsageError(f"{target} is there already" if target.exists() else f"there is no {target.parent}")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            size = _dump_into(live, file, tell)
            file.flush()
            os.fsync(file.fileno())
            listing(live, draft)
            _read_back(live, draft, size, tell)
        draft.rename(target)
    except OSError as error:
        raise HavreError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return size


def _dump_into(live: Live, file: IO[bytes], tell: Tell) -> int:
    child = live.start(["havre-dump", live.database])
    assert child.stdout is not None  # noqa: S101 - it has pipes
    size = 0
    try:
        while block := child.stdout.read(_BLOCK):
            file.write(block)
            size += len(block)
            tell("dumping", size, 0)
        if child.wait():
            raise refused("dumping the database", told(child))
    finally:
        stop(child)
    return size


def listing(live: Live, path: Path) -> list[str]:
    """The lines of a dump's table of contents.

    Raises:
        UsageError: it is no dump in the custom format.
    """
    # Without a buffer: the program goes on reading from where this file stands.
    with path.open("rb", buffering=0) as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise UsageError(
                f"{path} is no dump in the custom format", hint="make it by havre db dump, or pg_dump -Fc"
            )
        file.seek(0)
        child = live.start(["pg_restore", "--list"], stdin=file)
        assert child.stdout is not None  # noqa: S101 - it has pipes
        out = child.stdout.read()
        if child.wait():
            raise refused(f"reading {path}", told(child))
    return [line for line in out.decode().splitlines() if line and not line.startswith(";")]


def _read_back(live: Live, path: Path, size: int, tell: Tell) -> None:
    """Everything is unpacked and thrown away: a dump that was cut off or damaged is told now."""
    child = live.start(["pg_restore", "--file=/dev/null"], stdin=subprocess.PIPE)
    _feed(child, path, size, "reading it back", tell)


def _feed(child: subprocess.Popen[bytes], path: Path, size: int, doing: str, tell: Tell) -> None:
    assert child.stdin is not None  # noqa: S101 - it has pipes
    done = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                child.stdin.write(block)
                done += len(block)
                tell(doing, done, size)
        child.stdin.close()
    except BrokenPipeError:
        pass  # its exit code tells why
    finally:
        if child.wait():
            error = told(child)
            stop(child)
            raise refused(f"{doing} ({path})", error)
        stop(child)


def restore(live: Live, path: Path, name: str, *, replace: bool, tell: Tell) -> dict[str, Any]:
    """Bring a dump into a database of its own; to replace one, the two change names at the end.

    Args:
        live: the server.
        path: the dump.
        name: of the database.
        replace: whether it takes the place of one of that name, which is kept under another one.
        tell: told of the progress.

    Returns:
        ``database``, ``kept`` (the other name of what was replaced, or empty) and ``restore_point``.

    Raises:
        UsageError: the name is taken, or is none; or the file is no dump.
        HavreError: the dump could not be restored; nothing that was there was touched.
    """
    if not name or len(name) > _LONGEST_NAME - 20 or not name.isprintable():
        raise UsageError(f"{name!r} cannot be the name of a database here")
    there = live.names()
    if (name in there) != replace:
        hint = (
            "choose another one by --as, or say --replace"
            if name in there
            else f"leave --replace out: there is no {name}"
        )
        raise UsageError(
            f"a database {name} is there" if name in there else "there is nothing to replace", hint=hint
        )
    contents = listing(live, path)
    draft = f"{name}_loading"
    if draft in there:
        live.ask(f"DROP DATABASE {quoted(draft)};")  # a run that was killed left it
    live.ask(f"CREATE DATABASE {quoted(draft)} OWNER {quoted(live.role)};")
    try:
        _load(live, path, draft, contents, tell)
        if not replace:
            live.ask(f"ALTER DATABASE {quoted(draft)} RENAME TO {quoted(name)};")
            return {"database": name, "kept": "", "restore_point": ""}
        return _swap(live, name, draft)
    except BaseException:
        if draft in live.names():
            live.ask(f"DROP DATABASE {quoted(draft)} WITH (FORCE);")
        raise


def _load(live: Live, path: Path, database: str, contents: list[str], tell: Tell) -> None:
    """As the role that owns it; extensions need the administrator, and come first."""
    for line in contents:
        if _EXTENSION in line:
            extension = line.partition(_EXTENSION)[2].split()[0]
            live.ask(f"CREATE EXTENSION IF NOT EXISTS {quoted(extension)};", database=database)
    wanted = "\n".join(
        line for line in contents if _EXTENSION not in line and " COMMENT - EXTENSION " not in line
    )
    chosen = f"/tmp/havre-restore-{os.getpid()}"  # noqa: S108 - in the container
    tell_inside(live.engine, live.place.task.container, ["tee", chosen], wanted.encode())
    command = [
        "pg_restore", "--username=postgres", f"--role={live.role}", "--no-owner", "--no-privileges",
        "--exit-on-error", f"--use-list={chosen}", f"--dbname={database}",
    ]  # fmt: skip
    try:
        child = live.start(command, stdin=subprocess.PIPE)
        _feed(child, path, path.stat().st_size, "restoring", tell)
    finally:
        run_inside(live.engine, live.place.task.container, ["rm", "-f", chosen])
    live.ask("ANALYZE;", database=database)


def _swap(live: Live, name: str, draft: str) -> dict[str, Any]:
    """Both names change in one transaction; who was connected has to connect again."""
    now = datetime.now(UTC)
    kept = f"{name}_replaced_{now:%m%d%H%M%S}"
    point = f"before-restore-{now:%Y%m%d%H%M%S}"
    if live.ask("SHOW archive_mode;") == "on":
        live.ask(f"SELECT pg_create_restore_point('{point}'); SELECT pg_switch_wal();")
    else:
        point = ""
    old, new = quoted(name), quoted(draft)
    live.ask(f"ALTER DATABASE {old} ALLOW_CONNECTIONS false;")
    try:
        live.ask(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :'name';",
            name=name,
        )
        live.ask(
            f"BEGIN;\nALTER DATABASE {old} RENAME TO {quoted(kept)};\n"
            f"ALTER DATABASE {new} RENAME TO {old};\nCOMMIT;"
        )
    except HavreError as error:
        raise ConflictError(
            f"{name} could not be replaced, and serves as before", detail=error.message
        ) from error
    finally:
        present = kept if kept in live.names() else name
        live.ask(f"ALTER DATABASE {quoted(present)} ALLOW_CONNECTIONS true;")
    return {"database": name, "kept": kept, "restore_point": point}
