"""Upgrade: a database goes to a later major version of PostgreSQL; what it replaces is kept.

The new cluster is filled beside the present one by a dump: a copy of its files would keep indexes that were
sorted by the collations of another Debian (docs/adr/0028). First everything but the rows is tried, while the
application goes on; only then is it stopped, for as long as the rows take. Whatever fails brings back what
was. The outcome is a release like the live one, on the new version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from havre.domain import database_version
from havre.domain.continuity.repositories import Repository
from havre.errors import BackupError, CommandError, HavreError, UsageError
from havre.manifest import EnvironmentSpec, PostgresService
from havre.operations import database_versions, drafts, platform, restore_points
from havre.operations.backup import Backup
from havre.operations.builds import Asker
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity.database import Database
from havre.operations.continuity.view import databases
from havre.operations.jobs import Job
from havre.operations.restore import Restore
from havre.operations.rollout import Rollout
from havre.operations.workloads import Composition
from havre.records import continuity, queries
from havre.records.models import Release

_LONGEST: Final = 48 * 3600.0
_REHEARSAL: Final = 3600.0
_JOBS: Final = ("rehearse", "serve", "fill", "swap", "back")


def runbook(run: Run) -> Runbook:
    """The steps; of a dry run, those that only look."""
    upgrade = Upgrade(run)
    params = run.operation.params
    look = (Step("plan", "Compare the versions", upgrade.plan),)
    try_it = (
        Step("image", "Have the image of the later version", upgrade.prepare_image),
        Step("rehearse", "Try everything but the rows in it", upgrade.rehearse),
    )
    if params.get("dry_run"):
        return Runbook(
            steps=(*look, *try_it) if params.get("rehearse") else look, undo=upgrade.undo_rehearsal
        )
    return Runbook(
        steps=(
            *look,
            *try_it,
            Step("backup", "Make a restore point and a backup", upgrade.back_up),
            Step("hold", "Stop the application", upgrade.hold),
            Step("stop", "Stop the database", upgrade.stop),
            Step("fill", "Fill a new cluster beside, and compare", upgrade.fill),
            Step("swap", "Put it in the place of the present one", upgrade.swap),
            Step("database", "Start the database", upgrade.start),
            *upgrade.rollout.switch_steps,
            Step("protect", "Have its repositories ready, and a new backup made", upgrade.protect),
        ),
        undo=upgrade.undo,
    )


class Upgrade:
    """One upgrade of one database."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rollout = Rollout(run)
        self._before: Composition | None = None
        self._draft = Release.objects.filter(operation=run.operation).first()
        if self._draft:
            self.rollout.take(self._draft)

    # Steps

    def plan(self) -> str:
        """Decided once: a later run of this operation follows the same plan.

        Raises:
            UsageError: it cannot be upgraded, and why.
        """
        if not self._facts.get("plan"):
            live = drafts.live_release(self.run.environment)
            name = self._chosen(live)
            params = self.run.operation.params
            present = database_versions.versions(live)[name]
            later = database_version.target(name, present, params.get("version"))
            self.run.remember(service=name, replaces=live.number)
            facts = json.loads(self._old.query(database_version.FACTS))
            found = database_version.plan(
                name,
                present,
                later,
                facts,
                free=self._old.free_bytes(),
                is_saved=name in databases(self._composition),
            )
            self.run.remember(plan=found.as_data())
        plan = self._facts["plan"]
        for note in plan["notes"]:
            self.run.log(note)
        return f"{plan['service']}: PostgreSQL {plan['before']} to {plan['after']}"

    def prepare_image(self) -> str:
        """Made once on a server; then the draft of the release that runs it."""
        run, version = self.run, int(self._facts["plan"]["after"])
        owner = f"{run.project}/{run.environment.name} (operation {run.operation.pk})"
        with run.logging_as("platform"):
            asker = Asker(owner, run.log, run.tell, run.checkpoint, number=run.operation.pk)
            image = platform.ensure_tool(run.platform, database_versions.image_name(version), asker)
        run.remember(image=image)
        if not run.operation.params.get("dry_run"):
            self._ensure_draft(image)
        return f"havre/postgres:{version}"

    def rehearse(self) -> str:
        """What fails here would fail later, with the application stopped.

        Raises:
            UsageError: something in the database is not possible in the later version.
        """
        if self._facts.get("rehearsed"):
            return "tried before"
        with self._lent():
            self._run_job(
                "rehearse",
                at_most=_REHEARSAL,
                failed=f"{self._name} cannot be upgraded to PostgreSQL {self._facts['plan']['after']}",
                hint="nothing was stopped or changed; change it in the present version, then try again",
            )
        self.run.remember(rehearsed=True)
        return "it can be upgraded"

    def back_up(self) -> str:
        """The moment before, and a copy of the data at least in the local repository.

        Raises:
            BackupError: there is none.
        """
        if not self._facts["plan"]["is_saved"]:
            return "not saved: it has no backups"
        if not self._release.restore_point:
            point = restore_points.make(self.run, self._release, self._composition)
            self._release.restore_point = point
            self._release.save(update_fields=["restore_point"])
        if self._facts.get("saved"):
            return "saved before"
        backup = Backup(self.run, [self._old])
        backup.check()
        backup.repositories()
        told = [backup.local(), backup.offsite()]
        problem = self._facts.get("problems", {}).get(f"{self._name} {Repository.LOCAL}")
        if problem:
            raise BackupError(
                f"the present data could not be saved: {problem['message']}", hint=problem["hint"]
            )
        self.run.remember(saved=True)
        return "; ".join(told)

    def hold(self) -> str:
        """Stop the application, once: when this runs again, it may run on the new version already."""
        if self._facts.get("held"):
            return "stopped before"
        self.run.remember(held=True)
        return self.rollout.hold()

    def stop(self) -> str:
        """Nobody may write any more, whoever it is."""
        if self._facts.get("done_swap"):
            return "stopped before"
        return self._restore.stop()

    def fill(self) -> str:
        """By two jobs, which outlive this worker: one serves the present data to the other one.

        Raises:
            BackupError: it failed, or what was filled is not the same.
        """
        if self._facts.get("done_fill"):
            return "filled before"
        serve = self._old.job("serve", "havre-upgrade", "serve", self._number)
        serve.start()
        self._run_job(
            "fill",
            at_most=_LONGEST,
            failed=f"the new cluster of {self._name} could not be filled",
            hint="the database of before serves again",
        )
        self._old.take_job_away("serve")
        self.run.remember(done_fill=True)
        return "complete, and compared"

    def swap(self) -> str:
        """What is replaced is renamed, not removed."""
        return self._restore.swap()

    def start(self) -> str:
        """With the image of the later version, until it is healthy; it is another cluster from now on."""
        if not self._facts.get("renewed"):
            continuity.record_cluster(self.run.environment, self._name, "")
            self.run.remember(renewed=True)
        return self.rollout.prepare_data()

    def protect(self) -> str:
        """Its repositories take the new cluster; a backup of it, for those of before do not help it."""
        self._clear()
        self._take_jobs_away()
        if not self._facts["plan"]["is_saved"]:
            return "it has no backups"
        problem = Database(self.run, self.rollout.composition, self._name).protect()
        if problem:
            self.run.log(f"backups of {self._name}: {problem}")
        if not self._facts.get("backup"):
            params = {"service": self._name, "type": "full"}
            made = queries.enqueue("backup", self.run.environment, params, actor="havre")
            self.run.remember(backup=made.pk)
        return f"operation {self._facts['backup']} makes a backup"

    def undo(self) -> str:
        """The database of before is in its place and serves, and so does the application."""
        if self._draft is None:
            return self.undo_rehearsal()
        for what in ("rehearse", "fill", "serve", "swap"):
            self._old.take_job_away(what)
        if not self._facts.get("held"):
            Release.objects.filter(pk=self._draft.pk).update(state=Release.State.FAILED)
            return self.undo_rehearsal()
        if self._facts.get("stopped"):
            self.rollout.hold()
            self._restore.put_back()
            continuity.record_cluster(self.run.environment, self._name, "")
        done = self.rollout.undo()
        self._clear()
        self._take_jobs_away()
        return f"the data of before serve, as PostgreSQL {self._facts['plan']['before']}; {done}"

    def undo_rehearsal(self) -> str:
        """Nothing of it is left."""
        if "image" in self._facts:
            self._old.take_job_away("rehearse")
            self._clear()
        return "nothing had been changed"

    # What is needed for that

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.run.operation.result
        return facts

    @property
    def _name(self) -> str:
        return str(self._facts["service"])

    @property
    def _number(self) -> str:
        return str(self.run.operation.pk)

    @property
    def _release(self) -> Release:
        if self._draft is None:
            raise RuntimeError("the release is drafted with its image")
        return self._draft

    @property
    def _composition(self) -> Composition:
        """The release that served, whichever is live now."""
        if self._before is None:
            number = int(self._facts["replaces"])
            self._before = Composition.of(
                self.run.platform.config, queries.release_numbered(self.run.environment, number)
            )
            self.run.redact.hide(self._before.opened())
        return self._before

    @property
    def _old(self) -> Database:
        return Database(self.run, self._composition, self._name)

    @property
    def _in_later_image(self) -> Database:
        """The same, with all that the engine has of it already, in the image of the later version."""
        release = self._composition.release
        images = {**release.images, self._name: self._facts["image"]}
        later = Release(
            environment=self.run.environment,
            number=release.number,
            spec=release.spec,
            secret_versions=release.secret_versions,
            storage_version=release.storage_version,
            images=images,
        )
        return Database(self.run, Composition.of(self.run.platform.config, later), self._name)

    @property
    def _restore(self) -> Restore:
        return Restore(self.run, database=self._old)

    def _chosen(self, live: Release) -> str:
        known = [
            name
            for name, service in EnvironmentSpec.model_validate(live.spec).services.items()
            if isinstance(service, PostgresService)
        ]
        wanted = self.run.operation.params.get("service")
        if wanted in known:
            return str(wanted)
        if wanted or len(known) != 1:
            raise UsageError(
                f"{wanted} of {self.run.environment} is no PostgreSQL database"
                if wanted
                else f"{self.run.environment} has {len(known) or 'no'} PostgreSQL databases",
                hint=f"name one: {', '.join(known)}" if known else "",
            )
        return known[0]

    def _ensure_draft(self, image: str) -> None:
        """A release like the live one, but for the version of this database."""
        if self._draft is not None:
            return
        live = self._composition.release
        services = live.spec["services"]
        changed = {**services[self._name], "version": int(self._facts["plan"]["after"])}
        self._draft = drafts.like_the_live_one(
            self.run,
            spec={**live.spec, "services": {**services, self._name: changed}},
            images={**live.images, self._name: image},
            secret_versions=live.secret_versions,
            variables=live.variables,
            storage_version=live.storage_version,
        )
        self.rollout.take(self._draft)
        self.run.remember(release=self._draft.number)

    @contextmanager
    def _lent(self) -> Iterator[None]:
        answer = self._old.ask("havre-upgrade", "lend", self._number)
        if not answer.is_good:
            raise HavreError(f"{self._name} cannot be read from beside: {answer.err.strip()[:300]}")
        try:
            yield
        finally:
            self._clear()

    def _run_job(self, what: str, *, at_most: float, failed: str, hint: str) -> None:
        """A job in the image of the later version, to its good end; a dead worker's is waited for."""
        job: Job = self._in_later_image.job(what, "havre-upgrade", what, self._number)
        job.start()
        try:
            ending = job.wait(at_most=at_most)
        except CommandError as error:
            raise BackupError(f"{failed}: {error.message}", hint=error.hint) from error
        if not ending.is_good:
            log = "\n".join(ending.last_lines)
            raise UsageError(f"{failed}: {database_version.cause(ending.last_lines)}", hint=hint, detail=log)
        self._old.take_job_away(what)

    def _clear(self) -> None:
        """What a rehearsal and the filling left on the volume; where nothing runs, it costs only room."""
        try:
            self._old.ask("havre-upgrade", "withdraw", self._number)
            self._old.ask("havre-upgrade", "clear", self._number)
        except HavreError as error:
            self.run.log(f"what the upgrade left could not be removed: {error.message}")

    def _take_jobs_away(self) -> None:
        for what in _JOBS:
            self._old.take_job_away(what)
