"""A database with backups, to be asked inside its container: it, and what is saved of it."""

from __future__ import annotations

import json
from typing import Final

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import Answer, run_inside
from havre.domain import naming
from havre.domain.continuity import failures, info, repositories, wal
from havre.domain.continuity.exposure import Archiving
from havre.domain.continuity.info import Info
from havre.domain.continuity.losses import STATEMENT, Counters
from havre.domain.continuity.repositories import STANZA, OffSite, Repository
from havre.domain.continuity.stream import Streaming
from havre.domain.database_version import NEWEST
from havre.errors import BackupError, UsageError
from havre.manifest import PostgresService
from havre.operations.workloads import Composition
from havre.records import continuity

_INFO_TIME: Final = 12  # seconds
_TIMED_OUT: Final = 124  # as timeout(1) says it
_LONGEST_PROBLEM: Final = 500
_ASKED_AT_MOST: Final = 3


def databases(composition: Composition) -> list[str]:
    """The services of a release that are databases with backups."""
    return [
        name
        for name, service in composition.spec.services.items()
        if continuity.backs_up(composition.release, service)
    ]


def chosen(composition: Composition, wanted: str | None) -> list[str]:
    """The databases that are meant: the named one, or all.

    Raises:
        UsageError: there is no such one.
    """
    known = databases(composition)
    if wanted and wanted not in known:
        raise UsageError(
            f"{wanted} of {composition.environment} is no database with backups",
            hint=f"those are: {', '.join(known) or 'none'}",
        )
    if not known:
        raise UsageError(
            f"{composition.environment} has no database with backups",
            hint="a `kind: postgres` has them once it says `backups: true` or the server has an off-site"
            " storage (havre backup storage set), from the next `havre deploy` on",
        )
    return [wanted] if wanted else known


class DatabaseView:
    """One database of an environment, to be asked.

    Args:
        engine: where it runs.
        composition: of the live release.
        name: the service.
    """

    def __init__(self, engine: Engine, composition: Composition, name: str) -> None:
        self.name = name
        self.composition = composition
        self._engine = engine
        self.environment = composition.environment
        self.swarm_name = naming.service_name(composition.project, self.environment.name, name)

    @property
    def container(self) -> str:
        """The container of its running task; empty if none runs."""
        tasks = self._engine.tasks_of([self.swarm_name]) if self._engine.has_service(self.swarm_name) else ()
        return next((task.container for task in tasks if task.is_running), "")

    @property
    def version(self) -> int | None:
        """Its major version of PostgreSQL."""
        service = self.composition.spec.services.get(self.name)
        return service.version or NEWEST if isinstance(service, PostgresService) else None

    def storage_of(self, repository: Repository) -> OffSite | None:
        """Where a repository is, if that is elsewhere."""
        storage = self.composition.storage
        return storage.place if storage and repository is Repository.OFFSITE else None

    def ask(self, *command: str, patience: int = 120) -> Answer:
        """Run a short command inside it.

        Raises:
            BackupError: it does not run.
            EngineError: the engine refused.
        """
        container = self.container
        if not container:
            raise BackupError(
                f"{self.name} of {self.environment} does not run",
                hint=f"`havre logs --service {self.name}` may tell why; `havre restore` brings it back",
                retryable=True,
            )
        return run_inside(self._engine, container, list(command), patience=patience)

    def query(self, statement: str, *, database: str = "postgres") -> str:
        """The answer to an SQL statement, as the administrator, fields apart by ``|``.

        Args:
            statement: the SQL.
            database: of the cluster.

        Raises:
            BackupError: it failed.
        """
        answer = self.ask(
            "psql",
            "--username=postgres",
            f"--dbname={database}",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        )
        if not answer.is_good:
            raise BackupError(f"{self.name} refused a statement: {answer.err.strip()[:300]}")
        return answer.out.strip()

    def repositories(self) -> tuple[Repository, ...]:
        """The repositories that the running server writes to: those of the release it was started with.

        Raises:
            BackupError: it runs without backups yet.
        """
        answer = self.ask("cat", repositories.CONFIG)
        if not answer.is_good:
            raise BackupError(
                f"{self.name} of {self.environment} was started without backups",
                hint="start it anew: havre restart, or havre deploy",
            )
        found = tuple(each for each in Repository if f"repo{each.key}-path=" in answer.out)
        if not found:
            raise BackupError(f"{self.name} did not tell its repositories", retryable=True)
        return found

    def protect(self, *, accepts_new: bool = False) -> str:
        """Have its repositories ready; why one is not, empty if all are.

        Args:
            accepts_new: whether another cluster than the one that is saved may be saved from now on.
        """
        identifier = self.identifier()
        problem = "" if accepts_new else self.foreign(identifier)
        if problem:
            return problem
        answer = self.ask("havre-protect")
        if not answer.is_good:
            return failures.cause(answer.out + answer.err).message
        continuity.record_cluster(self.environment, self.name, identifier)
        return ""

    def identifier(self) -> str:
        """What tells its cluster from every other one, and stays the same through restores."""
        return self.query("SELECT system_identifier FROM pg_control_system()")

    def foreign(self, identifier: str) -> str:
        """What is wrong if it is another cluster than the one that is saved: an empty one, most likely.

        Swarm makes a lost volume anew, and the database's image an empty cluster on it. Were that one taken
        for the database, its backups would be the newest, and a restore would bring back nothing.
        """
        if continuity.is_saved_cluster(self.environment, self.name, identifier):
            return ""
        return (
            f"{self.name} is a new database, not the one that is saved (was its volume lost?):"
            " `havre restore` brings that one back, `havre backup now --new-database` saves this one"
        )

    def info(self, *asked: Repository) -> Info:
        """What its repositories hold, asked inside its container; one that does not answer is a problem.

        Args:
            asked: only these; else those that it writes to.

        Raises:
            BackupError: the database does not run.
        """
        return info.merged(self._asked(each) for each in asked or self.repositories())

    def _asked(self, repository: Repository) -> Info:
        """Asked again where the engine gave no answer back, which a busy one does now and then."""
        for _ in range(_ASKED_AT_MOST):
            answer = self.ask(*info_command(repository))
            if answer.out or answer.err or answer.exit_code == _TIMED_OUT:
                break
        return self._info(repository, answer)

    def _info(self, repository: Repository, answer: Answer) -> Info:
        if answer.exit_code == _TIMED_OUT:
            return Info(problems=((repository, "[049]: unable to connect: it does not answer"),))
        try:
            return info.parse(answer.out)
        except (ValueError, KeyError):
            told = (answer.out + answer.err).strip() or f"pgBackRest said nothing (code {answer.exit_code})"
            return Info(problems=((repository, told[:_LONGEST_PROBLEM]),))

    def counters(self) -> Counters:
        """How many rows were written, per table of the application's database."""
        return Counters.read(json.loads(self.query(STATEMENT, database=self.composition.database(self.name))))

    def replaced(self) -> list[str]:
        """What restores replaced and nobody confirmed yet: the numbers of these operations."""
        answer = self.ask("find", repositories.DATA_VOLUME, "-maxdepth", "1", "-name", "pgdata.replaced-*")
        return sorted(line.rpartition("-")[2] for line in answer.out.split())

    def backlog(self) -> tuple[int, float]:
        """Segments of WAL that wait to be archived, and for how many seconds the first one has.

        What a restore brought along waits since the database was started with it.
        """
        waiting, seconds = self.query(
            "SELECT count(*), coalesce(extract(epoch FROM"
            " now() - min(greatest(modification, pg_postmaster_start_time()))), 0)"
            " FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"
        ).split("|")
        return int(waiting), float(seconds)

    def archive_error(self, repository: Repository) -> str:
        """What pgBackRest said when WAL went to this repository in vain; empty if it went there."""
        kept = f"/run/postgresql/archive-{repository}.error"
        return self.ask("sh", "-c", f"cat {kept} 2>/dev/null || true").out.strip()

    def archiving(self, streaming: Streaming | None) -> Archiving:
        """How its WAL gets away.

        Args:
            streaming: what its stream says of itself, if it has one.

        Raises:
            BackupError: it does not run, or refused.
        """
        age, waiting, timeout = self.query(
            "SELECT coalesce(extract(epoch FROM now() - last_archived_time)::text, ''),"
            " (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),"
            " (SELECT setting FROM pg_settings WHERE name = 'archive_timeout') FROM pg_stat_archiver"
        ).split("|")
        streamed = streaming.age if streaming else None
        return Archiving(float(age) if age else None, int(waiting), float(timeout), streamed)

    def streaming(self) -> Streaming | None:
        """What its stream says of itself; None where nothing is streamed.

        Raises:
            BackupError: it does not run.
        """
        if self.composition.streams(self.name) is None:
            return None
        answer = self.ask("havre-stream", "state")
        try:
            return Streaming.read(answer.out)
        except ValueError:
            return Streaming(problem=(answer.err or answer.out).strip()[:_LONGEST_PROBLEM])

    def free_bytes(self) -> int:
        """Bytes free on the disk of its data."""
        return int(self.ask("df", "--output=avail", "-B1", repositories.DATA_VOLUME).out.split()[-1])

    def is_archived(self, segment: str) -> bool:
        """Whether a segment of WAL is in the local repository, or in all."""
        status = f"{repositories.PGDATA}/pg_wal/archive_status"
        pushed = f"{repositories.FOLDER}/pushed/{segment}"
        return bool(self.ask("find", f"{status}/{segment}.done", pushed).out.strip())

    def gaps(self, repository: Repository, *, since: str = "") -> tuple[wal.Gap, ...]:
        """Segments of WAL that a repository lacks, since one segment.

        Raises:
            BackupError: it could not be listed.
        """
        answer = self.ask(
            "pgbackrest",
            "repo-ls",
            f"--repo={repository.key}",
            "--recurse",
            "--output=json",
            "--filter=[0-9A-F]{24}-[0-9a-f]{40}",
            f"archive/{STANZA}",
        )
        if not answer.is_good:
            cause = failures.cause(answer.out + answer.err)
            raise BackupError(
                f"the WAL of {self.name} in the {repository} repository could not be listed: {cause.message}",
                hint=cause.hint,
            )
        found = wal.segments(json.loads(answer.out or "{}"), version=self.version)
        return wal.gaps(found, since=since)


def info_command(repository: Repository) -> tuple[str, ...]:
    """Tells what a repository holds, as JSON."""
    return (
        "timeout",
        str(_INFO_TIME),
        "pgbackrest",
        f"--stanza={STANZA}",
        f"--repo={repository.key}",
        "--output=json",
        "--io-timeout=5",
        "info",
    )
