"""Roll back code and database to the moment before what followed a release changed the data.

The database is restored beside the present one, which goes on serving, after a fresh backup. Only then is
the application stopped, for the seconds in which the data change places and the earlier release starts: the
code of now must not write into the data of then. What was replaced is kept, as after every restore.
"""

from __future__ import annotations

from typing import Protocol

from django.utils import timezone

from havre.domain.continuity.restoring import Target
from havre.errors import BackupError, UsageError
from havre.operations import restore_points
from havre.operations.backup import Backup
from havre.operations.context import Run, Runbook, Step
from havre.operations.restore import Restore
from havre.operations.rollout import Rollout


class _RollBack(Protocol):
    rollout: Rollout

    def find(self) -> str: ...
    def undo(self) -> str: ...


def runbook(run: Run, code: _RollBack) -> Runbook:
    """The steps; of a dry run, those that only look.

    Args:
        run: the operation.
        code: the rollback of the code.
    """
    whole = RollBackWithData(run, code)
    look = (
        Step("find", "Find the release", code.find),
        Step("plan", "Find its data, and what would be lost", whole.plan),
    )
    if run.operation.params.get("dry_run"):
        return Runbook(steps=look, undo=lambda: "nothing had been changed")
    return Runbook(
        steps=(
            *look,
            code.rollout.kept_data_step,
            Step("backup", "Back the present data up", whole.back_up),
            Step("restore", "Restore beside the database, which goes on", whole.restore.restore),
            Step("hold", "Stop the application", whole.hold),
            Step("stop", "Stop the database", whole.restore.stop),
            Step("swap", "Put the restored data in its place", whole.restore.swap),
            Step("database", "Start the database", whole.restore.start),
            *code.rollout.switch_steps,
            Step("protect", "Have its repositories ready, and a new backup made", whole.restore.protect),
        ),
        undo=whole.undo,
    )


class RollBackWithData:
    """One rollback of code and data."""

    def __init__(self, run: Run, code: _RollBack) -> None:
        self.run = run
        self._code = code
        self.restore = Restore(run, aim=self._aim)

    def plan(self) -> str:
        """The restore point, the way to it, and the rows that were written since.

        Raises:
            UsageError: the release serves already, or there is no way to its data.
        """
        live = self.run.environment.current_release
        is_new = "plan" not in self.run.operation.result  # later it may serve because of this rollback
        if is_new and live is not None and live.number == self._release:
            raise UsageError(
                f"release {live.number} serves already",
                hint="the data alone: havre restore --to-release N, or --to TIME",
            )
        told = self.restore.plan()
        if "losses" not in self.run.operation.result:
            found = restore_points.losses_since(self.restore.database, self._point(), timezone.now())
            self.run.remember(losses=found.as_data())
        for row in self.run.operation.result["losses"]["tables"]:
            self.run.log(
                f"{row['table']}: {row['inserted']} inserted, {row['changed']} changed,"
                f" {row['deleted']} deleted since"
            )
        return told

    def back_up(self) -> str:
        """A copy of the present data, at least in the local repository.

        Raises:
            BackupError: there is none.
        """
        if self.run.operation.result.get("saved"):
            return "saved before"
        backup = Backup(self.run)
        backup.check()
        backup.repositories()
        told = [backup.local(), backup.offsite()]
        problem = self.run.operation.result.get("problems", {}).get(f"{self.restore.database.name} local")
        if problem:
            raise BackupError(
                f"the present data could not be saved: {problem['message']}", hint=problem["hint"]
            )
        self.run.remember(saved=True)
        return "; ".join(told)

    def hold(self) -> str:
        """Stop the application, once: when this runs again, the earlier release may serve already."""
        if self.run.operation.result.get("held"):
            return "stopped before"
        done = self._code.rollout.hold()
        self.run.remember(held=True)
        return done

    def undo(self) -> str:
        """The data of before is back, and then what served before serves."""
        is_held = bool(self.run.operation.result.get("stopped"))
        if is_held:
            self._code.rollout.hold()
        done = self.restore.undo()
        return f"{done}; {self._code.undo()}"

    def _aim(self, service: str) -> Target:
        return restore_points.find(self.run.environment, self._point(), service)

    def _point(self) -> int:
        return restore_points.point_of(self.run.environment, self._release)

    @property
    def _release(self) -> int:
        return int(self.run.operation.result["target"])
