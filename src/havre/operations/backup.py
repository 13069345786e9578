"""Back up: the databases of an environment into every repository, each copy looked at afterwards.

It runs beside whatever else happens in the environment: it changes nothing of what runs.
"""

from __future__ import annotations

import time
from typing import Any, Final

from havre.domain.continuity import failures
from havre.domain.continuity.info import BackupSet, copying
from havre.domain.continuity.progress import told as progress_told
from havre.domain.continuity.repositories import Repository
from havre.errors import BackupError
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import dates
from havre.operations.continuity.database import Database, TaskState, meant
from havre.operations.continuity.outage import StorageWatch
from havre.records import continuity

_LONGEST: Final = 24 * 3600.0
_LOCK_PATIENCE: Final = 6 * 3600.0
_TRIES: Final = 3
_LOCK_PAUSE: Final = 2.0
_TYPES: Final = {"full": "full", "incremental": "incr"}


def runbook(run: Run) -> Runbook:
    """The steps of a backup. A failure of one repository does not keep the other from being served."""
    backup = Backup(run)
    return Runbook(
        steps=(
            Step("check", "Find the databases", backup.check),
            Step("repositories", "Have the repositories ready", backup.repositories),
            Step("local", "Copy into the local repository", backup.local),
            Step("offsite", "Copy into the off-site repository", backup.offsite),
            Step("judge", "Look at the copies and at the WAL", backup.judge),
        ),
        undo=backup.undo,
    )


class Backup:
    """One backup of one or all databases of an environment.

    Args:
        run: the operation.
        databases: those that are meant, where that is known; else its parameters say.
    """

    def __init__(self, run: Run, databases: list[Database] | None = None) -> None:
        self.run = run
        self._databases = databases

    @property
    def databases(self) -> list[Database]:
        """Those that are meant."""
        if self._databases is None:
            self._databases = meant(self.run)
        return self._databases

    # Steps

    def check(self) -> str:
        """They run, and know their repositories."""
        for database in self.databases:
            database.repositories()
        return ", ".join(database.name for database in self.databases)

    def repositories(self) -> str:
        """What cannot be made ready is told by the copy that fails for it.

        Raises:
            BackupError: a database is not the one that is saved.
        """
        told = []
        accepts_new = bool(self.run.operation.params.get("new_database"))
        for database in self.databases:
            foreign = "" if accepts_new else database.foreign(database.identifier())
            if foreign:
                raise BackupError(foreign, hint="havre restore --dry-run shows what would come back")
            problem = database.protect(accepts_new=accepts_new)
            if problem:
                self.run.log(f"{database.name}: {problem}")
                told.append(f"{database.name}: {problem}")
        return "; ".join(told) or "ready"

    def local(self) -> str:
        """The volume of this server."""
        return self._copy(Repository.LOCAL)

    def offsite(self) -> str:
        """The storage elsewhere, if there is one."""
        return self._copy(Repository.OFFSITE)

    def judge(self) -> str:
        """The outcome: a copy is good when it is listed without errors and the WAL after it has no gap."""
        problems, told = dict(self._problems), []
        for database in self.databases:
            for repository in database.repositories():
                key = _key(database.name, repository)
                if key in problems:
                    continue
                found = database.info(repository)
                made = found.made_by(self.run.operation.pk, repository)
                if found.problem(repository):
                    cause = failures.cause(found.problem(repository))
                    problems[key] = {"message": cause.message, "hint": cause.hint}
                    continue
                problem = self._problem_of(database, repository, made)
                if problem:
                    problems[key] = problem
                elif made:
                    told.append(f"{database.name} {repository}: {made.label}, {made.stored / 1e6:.1f} MB")
        if problems:
            raise BackupError(
                "; ".join(f"{key}: {problem['message']}" for key, problem in problems.items()),
                hint=next((p["hint"] for p in problems.values() if p["hint"]), ""),
                detail="\n".join(line for p in problems.values() for line in p.get("lines", ())),
                retryable=True,
            )
        return "; ".join(told)

    def undo(self) -> str:
        """What was copied completely stays; what runs is stopped. Nothing older was touched."""
        try:
            databases = self.databases
        except Exception:  # noqa: BLE001 - there is nothing to stop where there is no database
            return "nothing had been started"
        for database in databases:
            for repository in Repository:
                for tried in range(_TRIES):
                    database.stop_task(f"{self._task(repository)}-{tried}")
        kept = [f"{row.service} {row.repository}" for row in self.run.operation.backups.all()]
        return f"kept: {', '.join(kept)}" if kept else "nothing was copied"

    # What is needed for that

    def _copy(self, repository: Repository) -> str:
        told = []
        for database in self.databases:
            key = _key(database.name, repository)
            if repository not in database.repositories():
                if repository is Repository.OFFSITE:
                    self.run.remember(offsite=False)
                    return "there is none: havre backup storage set"
                continue
            if key in self._problems:
                continue
            try:
                made = self._copy_one(database, repository)
            except BackupError as error:
                lines = error.detail.splitlines()[-5:]
                problem = {"message": error.message, "hint": error.hint, "lines": lines}
                self.run.remember(problems={**self._problems, key: problem})
                self.run.log(f"{key}: {error.message}")
                told.append(f"{database.name} failed: {error.message}")
                continue
            continuity.record_backup(self.run.environment, database.name, made, self.run.operation)
            copies = {**self.run.operation.result.get("copies", {}), key: _shown(made)}
            self.run.remember(copies=copies)
            seconds = (made.stopped - made.started).total_seconds()
            told.append(f"{database.name} {made.kind}, {made.size / 1e6:.0f} MB in {seconds:.0f} s")
        return "; ".join(told) or "nothing"

    def _copy_one(self, database: Database, repository: Repository) -> BackupSet:
        number = self.run.operation.pk
        found = database.info(repository)
        if found.problem(repository):
            cause = failures.cause(found.problem(repository))
            raise BackupError(cause.message, hint=cause.hint)
        made = found.made_by(number, repository)
        if made:  # before the worker died
            return made
        for tried in range(_TRIES):
            ended = self._ended(database, repository, f"{self._task(repository)}-{tried}")
            if not failures.is_locked(ended.log):
                break
            self.run.platform.stopping.wait(_LOCK_PAUSE)
        for line in ended.log.splitlines():
            self.run.log(line, f"backup {database.name} {repository}")
        made = database.info(repository).made_by(number, repository)
        if made is None or ended.exit_code:
            log = ended.log
            if failures.waits_for_wal(log):
                log += f"\n{database.archive_error(repository)}"
            cause = failures.cause(log)
            raise BackupError(cause.message, hint=cause.hint, detail="\n".join(failures.errors(log)))
        return made

    def _ended(self, database: Database, repository: Repository, task: str) -> TaskState:
        """The end of a copy; another backup may have begun at the same moment, which holds the lock then."""
        number = self.run.operation.pk
        if database.task_state(task).state == "none":
            self._wait_for_lock(database)
            kind = _TYPES.get(str(self.run.operation.params.get("type")), "incr")
            doubt = dates.look(self.run.platform.config.paths.clock).doubt
            if doubt:
                self.run.log(f"{database.name} {repository}: {doubt}")
            command = copying(repository, kind, number, removes_old=not doubt)
            database.start_task(task, command)
        watch = StorageWatch(database.storage_of(repository), self.run.platform.config.storage_patience)

        began = time.monotonic()

        def tell() -> None:
            watch.require()
            self._tell(database, began)

        try:
            return database.wait_for_task(task, at_most=_LONGEST, tell=tell)
        except BackupError:
            database.stop_task(task)
            raise

    def _wait_for_lock(self, database: Database) -> None:
        """Two backups of one database do not run beside each other."""
        for _ in self.run.wait(every=1.0, at_most=_LOCK_PATIENCE):
            if not database.info(Repository.LOCAL).is_busy:
                return
            self.run.tell("another backup of this database runs")

    def _tell(self, database: Database, began: float) -> None:
        progress = database.info(Repository.LOCAL).progress
        if progress:
            done, total = progress
            self.run.tell(progress_told(done, total, time.monotonic() - began))

    def _problem_of(
        self, database: Database, repository: Repository, made: BackupSet | None
    ) -> dict[str, Any] | None:
        if made is None:
            return {"message": "the copy is not listed", "hint": ""}
        if made.has_errors:
            return {
                "message": "pages of the database have wrong checksums",
                "hint": "the disk may be failing; the older backups are kept",
            }
        gaps = database.gaps(repository, since=made.wal_start)
        if gaps:
            missing = ", ".join(str(gap) for gap in gaps[:3])
            return {
                "message": f"WAL is missing after the copy: {missing}",
                "hint": "make a new one: havre backup now --full",
            }
        return None

    def _task(self, repository: Repository) -> str:
        return f"backup-{self.run.operation.pk}-{repository}"

    @property
    def _problems(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.run.operation.result.get("problems", {})
        return found


def _key(service: str, repository: Repository) -> str:
    return f"{service} {repository}"


def _shown(made: BackupSet) -> dict[str, Any]:
    return {
        "label": made.label,
        "type": made.kind,
        "size": made.size,
        "stored": made.stored,
        "seconds": (made.stopped - made.started).total_seconds(),
        "lsn": made.lsn_stop,
        "at": made.stopped.isoformat(),
    }
