"""Verify: read back what is saved, every file and every segment of WAL, and compare it with its checksum."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from django.utils import timezone

from havre.domain.continuity import failures, verification
from havre.domain.continuity.archive import Place
from havre.domain.continuity.repositories import STANZA, Repository
from havre.errors import BackupError
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import check_archive
from havre.operations.continuity.database import Database, meant
from havre.operations.continuity.outage import StorageWatch
from havre.records import continuity, verifications

_LONGEST: Final = 24 * 3600.0
_TOLD: Final = 20  # lines


def runbook(run: Run) -> Runbook:
    """The steps of a verification; it changes nothing."""
    verify = Verify(run)
    return Runbook(
        steps=(
            Step("check", "Find the databases", verify.check),
            Step("local", "Read the local repository back", verify.local),
            Step("offsite", "Read the off-site repository back", verify.offsite),
            Step("archive", "Read images, volumes and state back", verify.archive),
            Step("judge", "Say what is good", verify.judge),
        ),
        undo=verify.undo,
    )


class Verify:
    """One verification of one or all databases of an environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._databases: list[Database] | None = None

    @property
    def databases(self) -> list[Database]:
        """Those that are meant."""
        if self._databases is None:
            self._databases = meant(self.run, or_none=True)
        return self._databases

    def check(self) -> str:
        """They run, and know their repositories."""
        for database in self.databases:
            database.repositories()
        return ", ".join(database.name for database in self.databases) or "there are none"

    def local(self) -> str:
        """The volume of this server."""
        return self._read(Repository.LOCAL)

    def offsite(self) -> str:
        """The storage elsewhere, if there is one."""
        return self._read(Repository.OFFSITE)

    def archive(self) -> str:
        """Of the whole server; a part of it, where it is large."""
        if self.run.operation.params.get("service"):
            return "not asked for"
        told = []
        for place in check_archive.places(self.run):
            key = f"archive {place.repository}"
            if key not in self._findings:
                told.append(f"{place.repository}: {self._read_archive(place, key)}")
        return "; ".join(told) or "read before"

    def _read_archive(self, place: Place, key: str) -> str:
        """By schedule once a day at most: the archive is that of all environments."""
        before = None
        if self.run.operation.params.get("rolling"):
            before = verifications.archive_read_at(place.repository, timezone.now())
        if before:
            read, problem = f"by operation {before.pk}, {before.result['archive'][place.repository]}", ""
        else:
            read, problem = check_archive.check(self.run, place)
        found = dict(self.run.operation.result.get("archive", {}))
        if not (problem or before):
            found[str(place.repository)] = read
        self.run.remember(findings={**self._findings, key: problem}, archive=found)
        return problem or read

    def judge(self) -> str:
        """One bad thing makes it a failure; what is good is remembered either way."""
        problems = {key: told for key, told in self._findings.items() if told}
        if problems:
            raise BackupError(
                "; ".join(f"{key}: {told}" for key, told in problems.items()),
                hint="make a new full backup, havre backup now --full, and look after the storage",
                detail="\n".join(self.run.operation.result.get("lines", ())),
            )
        return "all good"

    def undo(self) -> str:
        """Nothing was changed; what reads is stopped."""
        try:
            databases = self.databases
        except Exception:  # noqa: BLE001 - there is nothing to stop where there is no database
            return "nothing had been started"
        check_archive.stop(self.run)
        for database in databases:
            for repository in Repository:
                database.stop_task(self._task(repository))
        return "nothing had been changed"

    def _read(self, repository: Repository) -> str:
        told = []
        for database in self.databases:
            key = f"{database.name} {repository}"
            if repository not in database.repositories():
                told.append("there is none")
                continue
            if key not in self._findings:
                problem = self._problem(database, repository)
                self.run.remember(findings={**self._findings, key: problem})
            told.append(f"{database.name}: {self._findings[key] or 'good'}")
        return "; ".join(told)

    def _problem(self, database: Database, repository: Repository) -> str:
        """What is wrong with a repository, which is remembered of its backups; empty if nothing is."""
        found = database.info(repository)
        labels = {each.label for each in found.of(repository)}
        if found.problem(repository):
            problem, bad = failures.cause(found.problem(repository)).message, frozenset[str]()
        elif not labels:
            return "there is no backup in it"
        else:
            report = self._report(database, repository)
            # Retention may have removed one meanwhile.
            listed = labels & {each.label for each in database.info(repository).of(repository)}
            problem, bad = report.problem(listed), report.invalid
        if not problem:
            gaps = database.gaps(repository, since=found.of(repository)[0].wal_start)
            problem = f"WAL is missing: {', '.join(str(gap) for gap in gaps[:3])}" if gaps else ""
        continuity.record_verified(
            self.run.environment, database.name, repository, labels - bad, problem="" if bad else problem
        )
        continuity.record_verified(self.run.environment, database.name, repository, bad, problem=problem)
        return problem

    def _report(self, database: Database, repository: Repository) -> verification.Verification:
        """Have every file and segment read."""
        task = self._task(repository)
        command = [
            "pgbackrest",
            f"--stanza={STANZA}",
            f"--repo={repository.key}",
            "--output=none",  # its log has the report
            "--verbose",
            "--log-level-console=info",
            "verify",
        ]
        database.start_task(task, command)
        watch = StorageWatch(database.storage_of(repository), self.run.platform.config.storage_patience)
        ended = database.wait_for_task(task, at_most=_LONGEST, tell=watch.require)
        for line in ended.log.splitlines():
            self.run.log(line, f"verify {database.name} {repository}")
        report = verification.parse(ended.log)
        if report.damage:
            lines = [*self.run.operation.result.get("lines", ()), *report.damage[:_TOLD]]
            self.run.remember(lines=lines)
        if not report.is_complete or ended.exit_code:
            return replace(report, is_complete=False, cause=failures.cause(ended.log).message)
        return report

    def _task(self, repository: Repository) -> str:
        return f"verify-{self.run.operation.pk}-{repository}"

    @property
    def _findings(self) -> dict[str, str]:
        found: dict[str, str] = self.run.operation.result.get("findings", {})
        return found
