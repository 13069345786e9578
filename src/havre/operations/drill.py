"""Drill: restore what is saved into an isolated copy, start the release on it, check, compare and time it.

Production is not touched: it is asked for its number of the next transaction, and its rows are counted once.
What was found wrong is collected, so that one look tells all of it; only a copy that cannot be made ends a
drill at once. In the end nothing is left of the copy, however the drill ended.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from havre.adapters.host import machine, moments
from havre.domain.continuity import archive
from havre.domain.continuity.archive import Place
from havre.domain.continuity.drilling import (
    Comparison,
    Found,
    Outcome,
    Page,
    Recovered,
    judge_page,
    judge_sql,
    require_memory,
    summary,
)
from havre.domain.continuity.objectives import as_objectives, loss, missed, shown
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.restoring import Aim, Plan, Target, plan
from havre.domain.moments import Moment, seconds_between
from havre.errors import BackupError, HavreError, UsageError
from havre.manifest import DrillCheck, PostgresService
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import apart, comparing
from havre.operations.continuity.archive import offsite_place
from havre.operations.continuity.copy import Copy
from havre.operations.continuity.database import Database
from havre.operations.continuity.drilled_dumps import restore_dumps
from havre.operations.continuity.view import chosen
from havre.operations.continuity.volumes import volumes_of
from havre.operations.database_versions import versions
from havre.operations.workloads import Composition
from havre.records import continuity, drills


def runbook(run: Run) -> Runbook:
    """The steps of a drill."""
    drill = Drill(run)
    return Runbook(
        steps=(
            Step("plan", "Find what to restore", drill.plan),
            Step("restore", "Restore the databases into a copy", drill.unless_removed(drill.restore)),
            Step("isolate", "Cut the copy off from what is outside", drill.unless_removed(drill.isolate)),
            Step("volumes", "Restore the volumes into the copy", drill.unless_removed(drill.volumes)),
            Step("serve", "Start the release on the copy", drill.unless_removed(drill.serve)),
            Step("checks", "Run the checks", drill.unless_removed(drill.checks)),
            Step("compare", "Compare the copy with the original", drill.unless_removed(drill.compare)),
            Step("dumps", "Restore the newest dumps", drill.unless_removed(drill.dumps)),
            Step("remove", "Remove the copy", drill.remove),
            Step("judge", "Hold what was measured against the objectives", drill.judge),
        ),
        undo=drill.undo,
    )


class Drill:
    """One drill of one environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._copy: Copy | None = None

    @property
    def copy(self) -> Copy:
        """The copy, of the release that was live when the drill began."""
        if self._copy is None:
            release = self.run.environment.releases.get(number=self._facts["release"])
            composition = Composition.of(self.run.platform.config, release)
            self.run.redact.hide(composition.opened())
            self._copy = Copy(self.run, composition)
        return self._copy

    def unless_removed(self, act: Callable[[], str]) -> Callable[[], str]:
        """A step that has nothing to do any more once an earlier worker began to remove the copy."""
        return lambda: "as before" if self.run.operation.result.get("removed") else act()

    # Steps

    def plan(self) -> str:
        """Decided once: the release, the repository, the moment from which time counts."""
        if "drill" not in self.run.operation.result:
            self.run.remember(drill=self._begun())
            require_memory(self.copy.shares().values(), machine.memory().available)
        return f"{', '.join(self._names)} from the {self._repository} repository"

    def restore(self) -> str:
        """The newest backup and all WAL after it, as after a loss."""
        copy, told = self.copy, []
        copy.make_networks()
        for name in self._names:
            self.run.part(f"restore-{name}", f"restoring {name}")
            copy.begin_database(name, self._repository)
            if not copy.is_restoring(name):
                planned = self._choose(name)
                self._remember_database(
                    name,
                    backup=planned.backup.label,
                    backup_at=planned.backup.stopped.isoformat(),
                    size=planned.backup.size,
                )
                self.run.log(f"{name}: {planned.steps[0]}", f"restore {name}")
                copy.restore(name, planned)
        for name in self._names:
            found = copy.wait_until_recovered(name)
            if "recovered" not in self._database(name):
                self._log(name)
                self._remember_database(
                    name, recovered=found.as_data(), restored_seconds=round(self._elapsed(), 1)
                )
            told.append(f"{name} {self._database(name)['backup']}")
        return f"{', '.join(told)}, {shown(self._elapsed())} so far"

    def isolate(self) -> str:
        """From here on the copy reaches nothing but itself, and holds no key of the storage any more."""
        self.copy.cut_off(self._names)
        return "no network but its own"

    def volumes(self) -> str:
        """Files as they were saved last, from the same place as the databases."""
        names = volumes_of(self.run.environment, self.copy.composition.release)
        if not names:
            return "there are none"
        return "; ".join(self.copy.fill_volumes(names, self._archive))

    def serve(self) -> str:
        """The data first, then every service; the time until all are healthy is the RTO."""
        if "rto" in self.run.operation.result or "unhealthy" in self.run.operation.result:
            return "as before"
        copy = self.copy
        copy.start_data(self._names)
        try:
            for name in copy.services:
                self.run.part(f"start-{name}", f"starting {name}")
                copy.start_service(name)
            for name in copy.services:
                copy.wait_until_healthy(name)
        except HavreError as error:
            if error.retryable:
                raise
            self.run.remember(unhealthy=error.message, services=sorted(copy.services))
            for line in [error.message, *error.detail.splitlines()]:
                self.run.log(line, "serve")
            return f"not healthy: {error.message}"
        self.run.remember(rto=round(self._elapsed(), 1), services=sorted(copy.services))
        return f"healthy after {shown(self._elapsed())}"

    def checks(self) -> str:
        """Those of the manifest."""
        wanted = self.copy.composition.spec.drill.checks
        if not wanted:
            return "there are none: `drill: {checks: …}` in havre.yaml"
        outcomes = [self._outcome(check) for check in wanted]
        self.run.remember(checks=[each.as_data() for each in outcomes])
        for each in outcomes:
            self.run.log(f"{each.check}: {each.problem or 'good'}", "checks")
        bad = sum(bool(each.problem) for each in outcomes)
        return f"{len(outcomes) - bad} of {len(outcomes)} good"

    def compare(self) -> str:
        """Rows of each table; and how much would have been lost."""
        told = []
        for name in self._names:
            self.run.part(f"compare-{name}")
            if "comparison" not in self._database(name):
                self._compare(name)
            self.run.log(f"{name}: {self._database(name)['compared']}", "compare")
            told.append(f"{name}: {self._database(name)['compared']}")
        self.run.remember(rpo=self._worst_loss())
        return "; ".join(told)

    def dumps(self) -> str:
        """From the same place, each into a database of its own in the copy."""
        return "; ".join(restore_dumps(self.copy, self._names, self._archive))

    def remove(self) -> str:
        """Containers, volumes, networks."""
        self.run.remember(removed=True)
        apart.remove(self.run)
        return "nothing of it is left"

    def judge(self) -> str:
        """Good if everything is; it is on record either way."""
        problems = self._problems()
        drills.record(self.run.operation, problem=summary(problems), finished_at=timezone.now())
        if problems:
            raise BackupError(
                summary(problems),
                hint=f"`havre operations show {self.run.operation.pk}` has all of it; look into it before the"
                " data is needed",
                detail="\n".join(problems),
            )
        return self._told()

    def undo(self) -> str:
        """Nothing is left of the copy; why the drill failed is on record."""
        apart.remove(self.run)
        begun = self.run.operation.result.get("undoing") or {}
        problem = str((begun.get("error") or {}).get("message") or "it was stopped")
        drills.record(self.run.operation, problem=problem, finished_at=timezone.now())
        return "the copy is removed; nothing of the original was touched"

    # What is needed for that

    def _begun(self) -> dict[str, Any]:
        """What is decided when it begins."""
        release = self.run.environment.current_release
        if release is None:
            raise UsageError(
                f"nothing is deployed in {self.run.environment}", hint="deploy first: havre deploy"
            )
        composition = Composition.of(self.run.platform.config, release)
        self.run.redact.hide(composition.opened())
        names = self._chosen(composition)
        wanted = self.run.operation.params.get("repository")
        if wanted == Repository.OFFSITE and not composition.storage:
            raise UsageError(
                f"{self.run.environment} has no off-site storage",
                hint="`havre backup storage set`, then `havre restart`; or `havre drill --from local`",
            )
        usual = Repository.OFFSITE if composition.storage else Repository.LOCAL
        return {
            "release": release.number,
            "databases": names,
            "repository": str(wanted or usual),
            "objectives": composition.spec.objectives.as_data(),
            "started_at": timezone.now().isoformat(),
            "clock": moments.now().facts(),
            "originals": self._originals(composition, names),
        }

    def _chosen(self, composition: Composition) -> list[str]:
        return chosen(composition, None)

    def _originals(self, composition: Composition, names: list[str]) -> dict[str, Any]:
        """The number of each original's next transaction."""
        return {name: self._number_of(composition, name) for name in names}

    def _number_of(self, composition: Composition, name: str) -> int | None:
        """The number of an original's next transaction; None if it does not run, or is not what is saved."""
        database = Database(self.run, composition, name)
        try:
            foreign = database.foreign(database.identifier())
            return None if foreign else comparing.next_transaction(database)
        except HavreError as error:
            self.run.log(f"{name}: {error.message}")
            return None

    @property
    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.operation.result["drill"]
        return found

    @property
    def _names(self) -> list[str]:
        return list(self._facts["databases"])

    @property
    def _repository(self) -> Repository:
        return Repository(self._facts["repository"])

    @property
    def _archive(self) -> Place:
        """Where volumes are saved, beside the databases."""
        storage = self.copy.original.storage
        if self._repository is Repository.LOCAL or storage is None:
            return archive.local()
        self.run.redact.hide([storage.keys.key, storage.keys.secret, storage.keys.passphrase])
        return offsite_place(storage)

    def _elapsed(self) -> float:
        """Seconds since the drill began."""
        began = Moment.stored(self._facts["clock"])
        return seconds_between(began, moments.now()) if began else 0.0

    def _database(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.run.operation.result.get("databases", {}).get(name, {})
        return found

    def _remember_database(self, name: str, **facts: Any) -> None:
        known = self.run.operation.result.get("databases", {})
        self.run.remember(databases={**known, name: {**known.get(name, {}), **facts}})

    def _choose(self, name: str) -> Plan:
        """The backup to restore.

        Raises:
            BackupError: there is none, or the repository cannot be read.
        """
        try:
            return plan(
                self.copy.info(name, self._repository),
                Target(Aim.LATEST),
                wanted=self._repository,
                now=timezone.now(),
                branches=continuity.branches_of(self.run.environment, name),
                version=versions(self.copy.original.release)[name],
            )
        except UsageError as error:
            raise BackupError(f"{name}: {error.message}", hint="havre backup now") from error

    def _recovered(self, name: str) -> Recovered:
        return Recovered.stored(self._database(name)["recovered"])

    def _log(self, name: str) -> None:
        for line in self.copy.log(name, 100):
            self.run.log(line, f"restore {name}")

    def _outcome(self, check: DrillCheck) -> Outcome:
        services = self.copy.composition.spec.services
        if check.sql is not None:
            databases = [name for name, each in services.items() if isinstance(each, PostgresService)]
            try:
                answer = self.copy.sql(check.service or databases[0], check.sql)
            except HavreError as error:
                return judge_sql(check.sql, "", error.message)
            return judge_sql(check.sql, answer.out, "" if answer.is_good else answer.err)
        asked = [name for name, each in self.copy.services.items() if each.port is not None]
        name = check.service or asked[0]
        try:
            found = self.copy.get(name, check.http or "/")
        except HavreError as error:
            found = Page(0, problem=error.message)
        return judge_page(f"{name} {check.http}", found, wanted=check.status, contains=check.contains)

    def _compare(self, name: str) -> None:
        """Compare a database, if its original runs; else only say when its newest commit was."""
        found = self._recovered(name)
        database = Database(self.run, self.copy.original, name)
        comparison: Comparison | None = None
        since = 0
        told = "not compared: the original does not run"
        foreign = database.foreign(database.identifier()) if database.container else ""
        if foreign:
            told = f"not compared: {foreign}"
        elif database.container:
            since = comparing.committed_since(database, found)
            comparison = comparing.compared(self.copy, database, found)
            told = comparison.told
        lost = loss(
            now=datetime.fromisoformat(self._facts["started_at"]),
            last_commit=found.last_commit or datetime.fromisoformat(self._database(name)["backup_at"]),
            next_here=self._facts["originals"][name],
            next_there=found.next_xid,
            committed_since=since,
            is_equal=comparison is not None and comparison.is_equal,
        )
        self._remember_database(
            name,
            comparison=comparison.as_data() if comparison else None,
            compared=told,
            rpo=lost.seconds,
            lost_transactions=lost.transactions,
        )

    def _worst_loss(self) -> float | None:
        seconds = [self._database(name).get("rpo") for name in self._names]
        known = [each for each in seconds if each is not None]
        return round(max(known), 1) if known else None

    def _problems(self) -> list[str]:
        result = self.run.operation.result
        rows = {
            name: data["problems"] for name in self._names if (data := self._database(name).get("comparison"))
        }
        found = Found(
            unhealthy=result.get("unhealthy", ""),
            volumes=result.get("volumes", {}),
            checks=[Outcome(each["check"], each["problem"]) for each in result.get("checks", ())],
            rows=rows,
            dumps={name: each["problem"] for name, each in result.get("dumps", {}).items()},
            missed=missed(
                as_objectives(self._facts["objectives"]),
                rto=result.get("rto"),
                losses={name: self._database(name).get("rpo") for name in self._names},
            ),
        )
        return found.problems

    def _told(self) -> str:
        result, objectives = self.run.operation.result, as_objectives(self._facts["objectives"])
        rpo = result.get("rpo")
        lost = "not measured" if rpo is None else shown(rpo)
        return (
            f"RTO {shown(result['rto'])} (objective {shown(objectives.rto)}),"
            f" RPO {lost} (objective {shown(objectives.rpo)})"
        )
