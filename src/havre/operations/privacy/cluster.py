"""A PostgreSQL cluster apart, beside a dump: what looking at a dump and copying it need.

The original never becomes a database: of the dump only the schema is restored, and its rows are read as a
stream. What is given away in the end was written by a cluster that held nothing but replaced values.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from havre.adapters.postgres import catalogue, dump_script
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.isolated import Ceiling, Isolated, isolated, remove_left, told
from havre.config import Config
from havre.domain import naming
from havre.domain.privacy.tables import Database
from havre.errors import EngineError, HavreError, UsageError
from havre.images import platform_image
from havre.operations.privacy.alone import alone

PLAN: Final = "plan"
COPY: Final = "copy"

_VOLUME: Final = "/var/lib/postgresql/data"
_CLUSTER: Final = f"{_VOLUME}/apart"
# Nothing in it has to outlive the container, so nothing waits for the disk.
_BEGIN: Final = f"""\
set -e
initdb --pgdata={_CLUSTER} --username=postgres --auth-local=peer --auth-host=reject --no-sync \
  --encoding=UTF8 --locale=C.UTF-8 --locale-provider=builtin --builtin-locale=C.UTF-8 >/dev/null
exec postgres -D {_CLUSTER} -c listen_addresses= -c unix_socket_directories=/run/postgresql \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
  -c max_wal_size=4GB -c autovacuum=off -c jit=off -c dynamic_shared_memory_type=sysv \
  -c shared_buffers=128MB -c maintenance_work_mem=128MB -c log_min_messages=panic
"""
_PATIENCE: Final = 120.0
_BLOCK: Final = 1 << 20
_NAMED: Final = re.compile(
    r"((?:unique |check |foreign key |exclusion |not-null )?(?:constraint|index|relation|extension|role|type|"
    r'collation|column) "[^"\n]{1,63}")'
)
_CAUSES: Final = (
    ("could not create unique index", "two rows became alike"),
    ("violates unique constraint", "two rows became alike"),
    ("violates check constraint", "a replaced value is not what the constraint allows"),
    ("violates foreign key constraint", "a row refers to one that is not there"),
    ("violates not-null constraint", "a value is missing"),
    ("value too long for type", "a replaced value is too long"),
    ("numeric field overflow", "a number became too large"),
    ("out of range", "a number became too large"),
    ("invalid input syntax", "a replaced value is not of the column's type"),
    ("does not exist", "something is missing"),
    ("is not available", "something is missing"),
    ("unsupported version", "the dump is of a newer PostgreSQL than 17"),
    ("did not find magic string", "the file is no dump in pg_dump's custom format"),
    ("input file appears to be a text format dump", "the file is no dump in pg_dump's custom format"),
    ("No space left on device", "the disk is full"),
    ("out of memory", "the memory is not enough"),
)


def refused(doing: str, error: str, hint: str = "") -> HavreError:
    """The error for what PostgreSQL did not take, without any value of a row in it.

    Args:
        doing: what was being done.
        error: what it wrote, which may hold values: only known words and names are taken from it.
        hint: the remedy.
    """
    first = next((line for line in error.splitlines() if "ERROR:" in line or "error:" in line), "")
    cause = next((said for words, said in _CAUSES if words in error), "PostgreSQL refused it")
    named = _NAMED.search(first)
    return HavreError(f"{doing}: {cause}{f' ({named[1]})' if named else ''}", hint=hint)


@dataclass
class Cluster:
    """The running cluster, and the dump beside it."""

    container: Isolated
    dump: str = f"{_VOLUME}/original.dump"
    """Where the dump is."""

    # The dump

    def keep_dump(self, source: IO[bytes]) -> int:
        """Put the dump beside the cluster; its size in bytes."""
        child = self.container.start(["sh", "-c", f"cat >{self.dump}"], stdin=subprocess.PIPE)
        size = 0
        with self._writing(child) as pipe:
            while block := source.read(_BLOCK):
                pipe.write(block)
                size += len(block)
        self._end(child, "storing the dump")
        if not size:
            raise UsageError("the dump is empty")
        return size

    def restore(self, database: str, *sections: str) -> None:
        """Restore sections of the dump's schema into a new database, or into the one that is there."""
        if "pre-data" in sections:
            self.query("postgres", f"CREATE DATABASE {database}")
        self._end(self.restoring(database, *sections), "restoring the dump's schema")

    def restoring(self, database: str, *sections: str) -> subprocess.Popen[bytes]:
        """The same for an existing database, as a process that runs."""
        chosen = [f"--section={section}" for section in sections]
        return self.container.start(
            ["pg_restore", *chosen, "--no-owner", "--no-privileges", "--no-subscriptions", "--exit-on-error",
             f"--dbname={database}", self.dump]
        )  # fmt: skip

    @contextlib.contextmanager
    def rows(self) -> Iterator[Iterator[dump_script.Event]]:
        """The dump's rows, settings and sequences (see ``adapters.postgres.dump_script``)."""
        child = self.container.start(["pg_restore", "--section=data", "--file=-", self.dump])
        try:
            assert child.stdout is not None  # noqa: S101 - it has pipes
            yield dump_script.read(child.stdout)
            self._end(child, "reading the dump")
        finally:
            stop(child)

    # The cluster

    def database(self, name: str) -> Database:
        """Tables, columns and keys of a database."""
        return catalogue.parse(self.query(name, catalogue.QUESTION))

    def query(self, database: str, sql: str) -> str:
        """The answer to a statement that holds nothing foreign."""
        child = self.container.start(_psql(database, "--command", sql))
        assert child.stdout is not None  # noqa: S101 - as it was started
        answer = child.stdout.read()  # communicate() would close the file that tells why it failed
        self._end(child, "asking the database")
        return answer.decode().strip()

    def script(self, database: str) -> subprocess.Popen[bytes]:
        """A psql that takes a script from its standard input."""
        return self.container.start(_psql(database), stdin=subprocess.PIPE)

    def dumping(self, database: str) -> subprocess.Popen[bytes]:
        """A pg_dump in the custom format, to its standard output."""
        return self.container.start(["pg_dump", "--format=custom", "--compress=zstd:3", database])

    def _end(self, child: subprocess.Popen[bytes], doing: str) -> None:
        child.wait()
        if child.returncode:
            error = told(child)
            if "No such container" in error or "is not running" in error:
                raise EngineError(f"{doing}: the isolated container has ended", retryable=True)
            raise refused(doing, error)

    @contextlib.contextmanager
    def _writing(self, child: subprocess.Popen[bytes]) -> Iterator[IO[bytes]]:
        assert child.stdin is not None  # noqa: S101 - it has pipes
        try:
            yield child.stdin
        except BrokenPipeError:
            pass  # its exit code tells why
        finally:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a program that nobody needs any more."""
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if child.poll() is None:
        child.kill()
    child.wait()


def _psql(database: str, *more: str) -> Sequence[str]:
    return [
        "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
        f"--dbname={database}", *more,
    ]  # fmt: skip


@contextlib.contextmanager
def apart(config: Config, *, memory: int) -> Iterator[Cluster]:
    """A cluster of this server that lives as long as the block; one at a time.

    Args:
        config: the server's settings.
        memory: the most that it may take, in bytes.

    Raises:
        ConflictError: another process has one.
        EngineError: the engine refuses, or has no image of PostgreSQL.
    """
    engine = Engine(config.docker_host)
    with alone(config.paths.state):
        remove_left(engine, naming.APART)
        with isolated(
            engine,
            platform_image("postgres").tag,
            ["bash", "-c", _BEGIN],
            role=naming.APART,
            volume=_VOLUME,
            ceiling=Ceiling(_processors(), memory),
        ) as container:
            cluster = Cluster(container)
            _wait(cluster)
            yield cluster


def _processors() -> float:
    """Half of the machine, but one at least: what serves goes on."""
    return max(1.0, (os.cpu_count() or 1) / 2)


def _wait(cluster: Cluster) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        child = cluster.container.start(["pg_isready", "--quiet", "--timeout=2"])
        child.wait()
        if not child.returncode:
            return
        if time.monotonic() > until or "is not running" in told(child):
            raise EngineError("the isolated database did not start", retryable=True)
        time.sleep(0.1)
