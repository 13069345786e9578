"""Dump: databases in a form that any PostgreSQL takes, into the archive, each read back afterwards.

The dump is made once: what goes off-site is the local copy, so both are the same, and the database is
read once. It runs beside whatever else happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone

from havre.adapters.swarm.toolbox import Program
from havre.domain.continuity import archive, dumping
from havre.domain.continuity.archive import Place
from havre.domain.continuity.dumping import Contents, Made
from havre.domain.continuity.repositories import Repository
from havre.errors import BackupError
from havre.manifest import PostgresService
from havre.operations import platform
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import check_archive, dates
from havre.operations.continuity.archive import Archive, Report
from havre.operations.continuity.database import Database, meant
from havre.records import dumps, saving


def runbook(run: Run) -> Runbook:
    """The steps of a dump. A failure of one repository does not keep the other from being served."""
    dump = Dump(run)
    return Runbook(
        steps=(
            Step("check", "Find the databases", dump.check),
            Step("local", "Dump into the local repository, and read it back", dump.local),
            Step("offsite", "Copy the dump off-site, and read it back", dump.offsite),
            Step("forget", "Let go what is older than wanted", dump.forget),
            Step("judge", "Say what is good", dump.judge),
        ),
        undo=dump.undo,
    )


class Dump:
    """A dump of one or all databases of an environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._engine = run.platform.engine
        self._databases: list[Database] | None = None
        self._places = {place.repository: place for place in check_archive.places(run)}

    @property
    def databases(self) -> list[Database]:
        """Those that are meant."""
        if self._databases is None:
            self._databases = meant(self.run)
        return self._databases

    # Steps

    def check(self) -> str:
        """They run, and are those that are saved.

        Raises:
            BackupError: one is not.
        """
        with self.run.logging_as("platform"):
            platform.ensure_tool(self.run.platform, "backup", check_archive.asker(self.run))
        for database in self.databases:
            foreign = database.foreign(database.identifier())
            if foreign:
                raise BackupError(foreign, hint="havre restore --dry-run shows what would come back")
        return ", ".join(database.name for database in self.databases)

    def local(self) -> str:
        """From the database."""
        return self._each(Repository.LOCAL, self._dump)

    def offsite(self) -> str:
        """From the local copy; from the database where that failed."""
        if Repository.OFFSITE not in self._places:
            return "there is no off-site storage: havre backup storage set"
        return self._each(Repository.OFFSITE, self._copy)

    def forget(self) -> str:
        """Where the new ones are good; what is gone is forgotten in the records too."""
        doubt = dates.look(self.run.platform.config.paths.clock).doubt
        if doubt:
            return doubt
        told = []
        for repository, place in self._places.items():
            if any(key.endswith(f" {repository}") for key in self._problems):
                told.append(f"{repository}: nothing is removed, for a dump failed")
                continue
            try:
                with self._opened(place) as there:
                    told.append(f"{repository}: {there.forget(saving.retentions(repository))}")
                    dumps.forget_gone(repository, {each.id for each in there.snapshots()})
            except BackupError as error:  # next time it is tried again
                self.run.log(f"{repository}: {error.message}")
                told.append(f"{repository}: {error.message}")
        return "; ".join(told)

    def judge(self) -> str:
        """One that failed is a failure."""
        problems = self._problems
        if problems:
            raise BackupError(
                "; ".join(f"{key}: {problem['message']}" for key, problem in problems.items()),
                hint=next((p["hint"] for p in problems.values() if p["hint"]), ""),
                detail="\n".join(p["detail"] for p in problems.values() if p["detail"]),
                retryable=True,
            )
        return "all read back"

    def undo(self) -> str:
        """Its containers go; what was dumped and read back stays."""
        check_archive.stop(self.run)
        kept = [f"{row.service} {row.repository}" for row in self.run.operation.dumps.all()]
        return f"kept: {', '.join(kept)}" if kept else "nothing was dumped"

    # What is needed for that

    @property
    def _problems(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = self.run.operation.result.get("problems", {})
        return found

    def _each(self, repository: Repository, make: Callable[[Database, Place], str]) -> str:
        """Every database; what fails of one keeps no other from being dumped."""
        told = []
        for database in self.databases:
            key = f"{database.name} {repository}"
            if key in self._problems:
                continue
            if dumps.made_by(self.run.operation, database.name, repository):
                told.append(f"{database.name}: made before")
                continue
            self.run.part(f"{repository} {database.name}", f"{database.name}, {repository}")
            try:
                told.append(f"{database.name}: {make(database, self._places[repository])}")
            except BackupError as error:
                problem = {"message": error.message, "hint": error.hint, "detail": error.detail[-2000:]}
                self.run.remember(problems={**self._problems, key: problem})
                self.run.log(f"{key}: {error.message}")
                told.append(f"{database.name} failed: {error.message}")
        return "; ".join(told)

    def _dump(self, database: Database, place: Place) -> str:
        name = database.composition.database(database.name)
        before = _contents(database, name)
        source = Program(database.container, dumping.command(name))
        last = dumps.before(self.run.environment, database.name)
        with self._opened(place) as there:
            check_archive.ready(self.run, there)
            started = timezone.now()
            report = self._save(there, database, source, expected=last.size if last else 0)
            after = _contents(database, name)
            least = Contents(min(before.tables, after.tables), min(before.rows, after.rows))
            made = Made(report.size, least)
            self._read_back(there, report, database, made, last)
        return self._record(database, place.repository, report, made, started)

    def _copy(self, database: Database, place: Place) -> str:
        row = dumps.made_by(self.run.operation, database.name, Repository.LOCAL)
        if row is None:
            return self._dump(database, place)
        made = Made(row.size, Contents(row.tables, row.rows))
        with self._opened(self._places[Repository.LOCAL]) as here, self._opened(place) as there:
            check_archive.ready(self.run, there)
            source = here.reading(row.snapshot, dumping.FILE)
            report = self._save(there, database, source, expected=row.size)
            if report.size != row.size:
                there.drop(report.snapshot)
                raise BackupError(f"the copy has {report.size} bytes, the local dump has {row.size}")
            self._read_back(there, report, database, made, None)
        return self._record(database, place.repository, report, made, row.started_at)

    def _save(self, there: Archive, database: Database, source: Program, *, expected: int) -> Report:
        service = database.composition.spec.services[database.name]
        chosen = service.backups.dump.compression if isinstance(service, PostgresService) else "auto"
        return there.save_output(
            source,
            dumping.FILE,
            dumping.tag(str(self.run.environment), database.name),
            compression=dumping.COMPRESSIONS[chosen],
            expected=expected,
        )

    def _read_back(
        self, there: Archive, report: Report, database: Database, made: Made, last: Made | None
    ) -> None:
        """What the repository gives back lists as it should, and unpacks to its end.

        Raises:
            BackupError: it does not; the dump is not kept, so that nobody takes it for the newest.
        """
        self.run.tell(f"reading the dump of {database.name} back")
        try:
            list_ = Program(database.container, ("pg_restore", "--list"))
            listing = there.read_into(report.snapshot, dumping.FILE, list_, whole=False)
            unpack = Program(database.container, ("pg_restore", "--file=/dev/null"))
            there.read_into(report.snapshot, dumping.FILE, unpack)
            self._require_plausible(database, made, listing, last)
        except BackupError:
            there.drop(report.snapshot)
            raise

    def _require_plausible(self, database: Database, made: Made, listing: str, last: Made | None) -> None:
        problem = dumping.problem(
            made, listing, last, suspected=dumps.suspected(self.run.environment, database.name)
        )
        if problem:
            suspected = self.run.operation.result.get("suspected", {})
            self.run.remember(suspected={**suspected, database.name: made.size})
            raise BackupError(problem, hint="the older ones are kept; if it is meant, the next one is taken")

    def _record(
        self, database: Database, repository: Repository, report: Report, made: Made, started: datetime
    ) -> str:
        dumps.record(
            self.run.environment,
            self.run.operation,
            database.name,
            repository,
            snapshot=report.snapshot,
            stored=report.added,
            made=made,
            started_at=started,
        )
        return f"{report.snapshot[:8]}, {report}, {made.contents.tables} tables"

    @contextmanager
    def _opened(self, place: Place) -> Iterator[Archive]:
        labels = {**check_archive.labels(self.run), archive.LABEL: place.repository.value}
        patience = self.run.platform.config.storage_patience
        with Archive.opened(
            self._engine, place, labels=labels, watch=self._watch, patience=patience
        ) as opened:
            yield opened

    def _watch(self, message: str) -> None:
        self.run.checkpoint()
        if message:
            self.run.tell(message)


def _contents(database: Database, name: str) -> Contents:
    return Contents.read(database.query(dumping.CONTENTS, database=name))
