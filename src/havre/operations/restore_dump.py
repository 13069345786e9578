"""Restore a dump: a database of its own, beside the present one; nothing is replaced, nothing stops."""

from __future__ import annotations

import time
from typing import Any, Final

from havre.adapters.swarm.toolbox import Program
from havre.domain.continuity import dumping, progress
from havre.domain.continuity.repositories import DATA_VOLUME, Repository
from havre.errors import BackupError, UsageError
from havre.operations import platform
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import check_archive
from havre.operations.continuity.archive import Archive
from havre.operations.continuity.database import Database, meant
from havre.operations.restore_beside import Beside
from havre.records import dumps

_SPARE: Final = 256 * 1024**2
"""Bytes that the database goes on with."""


def runbook(run: Run) -> Runbook:
    """The steps; of a dry run, the first one only."""
    dump = FromDump(run)
    beside = Beside(run, dump)
    look = Step("plan", "Find the dump", dump.plan)
    if run.operation.params.get("dry_run"):
        return Runbook(steps=(look,), undo=lambda: "nothing had been changed")
    return Runbook(
        steps=(
            Step("name", "See that the name is free", beside.require_free),
            look,
            Step("fetch", "Get the dump out of the archive", dump.restore),
            Step("load", "Make a database of it", beside.load),
            Step("tidy", "Remove the dump", beside.tidy),
        ),
        undo=beside.undo,
    )


class FromDump:
    """What :class:`havre.operations.restore_beside.Beside` takes a database from: a dump in the archive."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        """The one whose dump it is."""
        if self._database is None:
            found = meant(self.run)
            if len(found) > 1:
                names = ", ".join(each.name for each in found)
                raise UsageError(f"{self.run.environment} has several databases", hint=f"name one: {names}")
            self._database = found[0]
        return self._database

    @property
    def number(self) -> str:
        """What names its files."""
        return str(self.run.operation.pk)

    def plan(self) -> str:
        """Decided once: a later run of this operation takes the same dump.

        Raises:
            UsageError: there is no such dump.
            BackupError: there is no room for it.
        """
        if "plan" in self.run.operation.result:
            return "as planned before"
        params = self.run.operation.params
        wanted = Repository(params["repository"]) if params.get("repository") else None
        row = dumps.find(self.run.environment, self.database.name, str(params["dump"]), wanted)
        free = self.database.free_bytes()
        needed = 2 * row.size + _SPARE
        if free < needed:
            raise BackupError(
                f"there is no room for it: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free",
                hint="make room on the disk of the database's volume",
            )
        made = f"the dump of {row.stopped_at:%Y-%m-%d %H:%M:%S} UTC"
        what = params.get("beside") or f"{self.database.name}-restored"
        plan: dict[str, Any] = {
            "repository": row.repository,
            "snapshot": row.snapshot,
            "size": row.size,
            "steps": [
                f"get {made}, {row.size / 1e6:.0f} MB, out of the {row.repository} repository",
                f"make a database {what} of it, beside the present one, which goes on",
            ],
        }
        self.run.remember(service=self.database.name, plan=plan)
        return f"{made}, {row.snapshot[:8]}, {row.repository}"

    def restore(self) -> str:
        """Into a file beside the database's own, checked against its checksums as it is read."""
        target = f"{DATA_VOLUME}/extract-{self.number}.dump"
        if self.database.ask("test", "-e", target).is_good:
            return "it is there"
        with self.run.logging_as("platform"):
            platform.ensure_tool(self.run.platform, "backup", check_archive.asker(self.run))
        plan = self.run.operation.result["plan"]
        places = {place.repository: place for place in check_archive.places(self.run)}
        began, draft = time.monotonic(), f"{target}.new"

        def watch(_: str) -> None:
            self.run.checkpoint()
            said = self.database.ask("stat", "--format=%s", draft).out.strip()
            if said.isdigit():
                self.run.tell(progress.told(int(said), int(plan["size"]), time.monotonic() - began))

        into = Program(self.database.container, ("dd", f"of={draft}", "bs=1M", "status=none"))
        with Archive.opened(
            self.run.platform.engine,
            places[Repository(plan["repository"])],
            labels=check_archive.labels(self.run),
            watch=watch,
            patience=self.run.platform.config.storage_patience,
        ) as there:
            there.read_into(plan["snapshot"], dumping.FILE, into)
        if not self.database.ask("mv", draft, target).is_good:
            raise BackupError("the dump could not be put beside the database", retryable=True)
        return f"{plan['size'] / 1e6:.1f} MB in {time.monotonic() - began:.0f} s"

    def undo(self) -> str:
        """What it was read by goes."""
        check_archive.stop(self.run)
        return "nothing else was touched"

    def run_job(self, what: str, command: tuple[str, ...], *, at_most: float) -> None:
        """Not needed: a dump is there already."""
        raise NotImplementedError(what, command, at_most)
