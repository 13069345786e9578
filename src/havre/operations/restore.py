"""Restore: a database returns to an earlier moment; what it replaces is kept until that is confirmed.

The restored cluster is made beside the present one, which goes on serving, and is replayed and checked
before anything is stopped. Then the two change places, which takes seconds. Whatever fails before that
changes nothing, and after it the present data comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from havre.domain.continuity import failures
from havre.domain.continuity.history import Branch, ancestors_of
from havre.domain.continuity.repositories import PGDATA, Repository
from havre.domain.continuity.restoring import Aim, Target, arguments, plan, require_room
from havre.domain.snapshot import ENDED
from havre.errors import BackupError, CommandError, HavreError, UsageError
from havre.operations import restore_beside, restore_dump, restore_points, restore_volume
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity.database import Database, meant
from havre.operations.continuity.live import live_composition
from havre.operations.continuity.outage import StorageWatch
from havre.operations.continuity.restore_progress import RestoreProgress
from havre.operations.continuity.view import chosen
from havre.operations.erase import look_again
from havre.operations.jobs import Job
from havre.records import continuity, queries

_LONGEST: Final = 48 * 3600.0
_SWAP_PATIENCE: Final = 300.0
_STOP_PATIENCE: Final = 300.0
_START_PATIENCE: Final = 600.0
_ARCHIVE_PATIENCE: Final = 30.0
_POLL: Final = 0.2
_JOBS: Final = ("restore", "extract", "swap", "back")


def runbook(run: Run) -> Runbook:
    """The steps of a restore; of a dry run, the first one only."""
    if run.operation.params.get("dump"):
        return restore_dump.runbook(run)
    if run.operation.params.get("volume"):
        return restore_volume.runbook(run)
    restore = Restore(run)
    look = Step("plan", "Find the backup and the way to the moment", restore.plan)
    if run.operation.params.get("dry_run"):
        return Runbook(steps=(look,), undo=lambda: "nothing had been changed")
    if run.operation.params.get("beside"):
        return restore_beside.runbook(run, restore, look)
    return Runbook(
        steps=(
            look,
            Step("restore", "Restore beside the database, which goes on", restore.restore),
            Step("stop", "Stop the database", restore.stop),
            Step("swap", "Put the restored data in its place", restore.swap),
            Step("start", "Start the database", restore.start),
            Step("protect", "Have its repositories ready, and a new backup made", restore.protect),
        ),
        undo=restore.undo,
    )


class Restore:
    """One restore of one database, in place.

    Args:
        run: the operation.
        aim: says what the database of this name returns to; else the operation's parameters do.
        part: where an operation brings several back: the database. What is decided about each is stored under
            its name then, and it returns to the newest moment that is saved elsewhere.
        database: the one that is meant, where that is known; else the live release and the parameters say.
    """

    def __init__(
        self,
        run: Run,
        aim: Callable[[str], Target] | None = None,
        *,
        part: str = "",
        database: Database | None = None,
    ) -> None:
        self.run = run
        self._part = part
        self._aim = aim
        self._engine = run.platform.engine
        self._database = database

    @property
    def database(self) -> Database:
        """The one that is meant; it need not be named where there is one only."""
        if self._database is None:
            composition = live_composition(self.run)
            names = chosen(composition, self._part or self.run.operation.params.get("service"))
            if len(names) > 1:
                raise UsageError(
                    f"{self.run.environment} has several databases", hint=f"name one: {', '.join(names)}"
                )
            self._database = Database(self.run, composition, names[0])
        return self._database

    # Steps

    def plan(self) -> str:
        """Decided once: a later run of this operation follows the same plan."""
        if "plan" in self.facts:
            return "as planned before"
        wanted = "offsite" if self._part else self.run.operation.params.get("repository")
        target = self._target()
        is_running = bool(self.database.container)
        if is_running and not self.run.operation.params.get("dry_run"):
            self._save_present()
        asked = (Repository(wanted),) if wanted else ()
        found = self.database.info() if is_running else self.database.info_by_job(*asked)
        chosen_plan = plan(
            found,
            target,
            wanted=Repository(wanted) if wanted else None,
            now=timezone.now(),
            branches=continuity.branches_of(self.run.environment, self.database.name),
            version=self.database.version,
            streamed=0 if is_running else self.database.streamed_timeline(),
        )
        params = self.run.operation.params
        chosen_plan = replace(chosen_plan, beside=params.get("beside") or "", table=params.get("table") or "")
        if is_running:
            require_room(chosen_plan, self.database.free_bytes())
        self._remember(service=self.database.name, plan=chosen_plan.as_data())
        return f"{chosen_plan.backup.label} from the {chosen_plan.repository} repository, to {target}"

    def restore(self) -> str:
        """The files and the replay, as a job that outlives this worker."""
        least = self._plan.get("least")
        command = (
            "havre-restore",
            self.number,
            *([f"--least={least}"] if least else []),
            *arguments(self._plan, f"{PGDATA}.restored-{self.number}"),
        )
        self.run_job("restore", command, at_most=_LONGEST)
        return "complete"

    def stop(self) -> str:
        """Nothing may write while the data change places. What is not saved yet gets into the archive."""
        if not self._engine.has_service(self.database.swarm_name):
            raise BackupError(
                f"{self.database.name} has no service", hint="deploy first, then restore: havre deploy"
            )
        if "branch" in self.facts:
            return "it serves the restored data already"
        self._remember(stopped=True)
        self._scale_to_none()
        return "stopped"

    def swap(self) -> str:
        """What is replaced is renamed, not removed."""
        self.run_job("swap", ("havre-swap", "there", self.number), at_most=_SWAP_PATIENCE)
        return f"the replaced data is kept as pgdata.replaced-{self.number}"

    def start(self) -> str:
        """Until it is healthy."""
        self._start()
        if "branch" not in self.facts:
            self._remember(branch=self._branch().as_data())
        return "it serves"

    def protect(self) -> str:
        """The archive goes on, on a new timeline; a backup of it makes later restores quick."""
        problem = self.database.protect()
        if problem:
            self.run.log(f"backups of {self.database.name}: {problem}")
        if "backup" not in self.facts:
            params = {"service": self.database.name, "type": "incremental"}
            made = queries.enqueue("backup", self.run.environment, params, actor="havre")
            self._remember(backup=made.pk)
        back = look_again(self.run, self.database)
        self.take_jobs_away()
        told = f"operation {self.facts['backup']} makes a backup"
        return f"{told}; {back}" if back else told

    def undo(self) -> str:
        """The data of before is in its place and serves; what was restored is removed."""
        if "plan" not in self.facts:
            return "nothing had been changed"
        self.put_back()
        if self.facts.get("stopped"):
            self._start()
        self.take_jobs_away()
        return "the database serves with the data of before"

    def put_back(self) -> None:
        """The data of before is in its place; where it had to be stopped for that, it does not run yet."""
        self.database.take_job_away("restore")
        if self.facts.get("stopped"):
            self._scale_to_none()
            self.database.take_job_away("swap")
        self.run_job("back", ("havre-swap", "back", self.number), at_most=_SWAP_PATIENCE)

    def give_up(self) -> None:
        """Take away what was restored of a database that had been lost; it must not run."""
        if "plan" in self.facts:
            self.database.take_job_away("restore")
            self.database.take_job_away("swap")
            self.run_job("back", ("havre-swap", "back", self.number), at_most=_SWAP_PATIENCE)
        self.take_jobs_away()

    # What is needed for that

    def _save_present(self) -> None:
        foreign = self.database.foreign(self.database.identifier())
        if foreign:
            self.run.log(f"{foreign.partition(':')[0]}; what it holds is not saved, and is kept beside")
        else:
            self._save_until_now()

    def _save_until_now(self) -> None:
        """Have what is written until now in the archive, with a transaction at its end.

        PostgreSQL stops at a time only when it sees a transaction after it: without one, a time at which
        nobody wrote any more could not be returned to.
        """
        self.database.query("SELECT pg_current_xact_id()")
        segment = self.database.query("SELECT pg_walfile_name(pg_switch_wal())")
        for _ in self.run.wait(every=_POLL, at_most=_ARCHIVE_PATIENCE):
            if self.database.is_archived(segment):
                return
        self.run.log(f"{segment} is not archived yet; what is written last may be missing")

    def _branch(self) -> Branch:
        """The timeline on which the database goes on."""
        timeline = int(self.database.query("SELECT timeline_id FROM pg_control_checkpoint()"))
        history = self.database.ask("cat", f"{PGDATA}/pg_wal/{timeline:08X}.history")
        return Branch(timeline, timezone.now(), ancestors_of(history.out))

    @property
    def facts(self) -> dict[str, Any]:
        """What was decided and done so far."""
        facts: dict[str, Any] = self.run.operation.result
        return dict(facts.get("databases", {}).get(self._part, {})) if self._part else facts

    def _remember(self, **facts: object) -> None:
        if self._part:
            parts = self.run.operation.result.get("databases", {})
            self.run.remember(databases={**parts, self._part: {**parts.get(self._part, {}), **facts}})
        else:
            self.run.remember(**facts)

    @property
    def number(self) -> str:
        """What names its files."""
        return str(self.run.operation.pk)

    @property
    def _plan(self) -> dict[str, Any]:
        found: dict[str, Any] = self.facts["plan"]
        return found

    def _target(self) -> Target:
        if self._aim is not None:
            return self._aim(self.database.name)
        params = self.run.operation.params
        if params.get("release"):
            return restore_points.find(self.run.environment, int(params["release"]), self.database.name)
        if params.get("at"):
            return Target(Aim.TIME, at=datetime.fromisoformat(params["at"]))
        return Target(Aim.LATEST)

    def run_job(self, what: str, command: tuple[str, ...], *, at_most: float) -> None:
        """Run a job to its good end, once; one that a dead worker left is waited for."""
        if self.facts.get(f"done_{what}"):
            return
        job: Job = self.database.job(what, *command)
        job.start()
        read = Repository(self._plan["repository"]) if what == "restore" else Repository.LOCAL
        watch = StorageWatch(self.database.storage_of(read), self.run.platform.config.storage_patience)
        files = RestoreProgress(
            self.database, f"{PGDATA}.restored-{self.number}", int(self._plan.get("size") or 0)
        )

        def look() -> None:
            watch.require()
            if what == "restore":
                files.tell()

        try:
            ending = job.wait(at_most=at_most, look=look)
        except CommandError as error:
            raise BackupError(f"{what} of {self.database.name}: {error.message}", hint=error.hint) from error
        if not ending.is_good:
            log = "\n".join(ending.last_lines)
            cause = failures.cause(log)
            raise BackupError(
                f"{self.database.name} could not be restored: {cause.message}",
                hint=cause.hint or "nothing was changed; the lines above tell more",
                detail=log,
            )
        self._remember(**{f"done_{what}": True})

    def _scale_to_none(self) -> None:
        name = self.database.swarm_name
        self._engine.scale(name, 0)
        for _ in self.run.wait(every=_POLL, at_most=_STOP_PATIENCE):
            tasks = self._engine.tasks_of([name])
            if all(task.state in ENDED for task in tasks):
                return
        raise BackupError(f"{self.database.name} did not stop", retryable=True)

    def _start(self) -> None:
        name = self.database.swarm_name
        self._engine.scale(name, 1)
        for _ in self.run.wait(every=_POLL, at_most=_START_PATIENCE):
            if any(task.is_running for task in self._engine.tasks_of([name])):
                return
        raise BackupError(
            f"{self.database.name} did not start", hint=f"see `havre logs --service {self.database.name}`"
        )

    def take_jobs_away(self) -> None:
        """Of whatever step."""
        for what in _JOBS:
            self.database.take_job_away(what)


def confirm_runbook(run: Run) -> Runbook:
    """The steps of confirming a restore: what restores replaced is removed for good."""
    confirm = Confirm(run)
    return Runbook(
        steps=(Step("forget", "Remove what restores replaced", confirm.forget),),
        undo=lambda: "nothing that serves was touched",
    )


class Confirm:
    """The end of a restore that turned out well."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def forget(self) -> str:
        """Of one database; or of all, and of volumes."""
        databases = meant(self.run, or_none=True)
        for database in databases:
            key = f"forget-{self.run.operation.pk}"
            database.start_task(key, ["havre-swap", "forget"])
            ended = database.wait_for_task(key, at_most=3600.0)
            if ended.exit_code:
                raise HavreError(
                    f"what restores of {database.name} replaced could not be removed", detail=ended.log
                )
        told = [database.name for database in databases]
        if not self.run.operation.params.get("service"):
            told += restore_volume.forget_replaced(self.run)
        return ", ".join(told) or "nothing is kept"
