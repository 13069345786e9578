"""Cron: a scheduled command, run as a one-off one is; its failure and its recovery are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from havre.errors import HavreError
from havre.manifest import EnvironmentSpec
from havre.manifest.cron import Hook
from havre.operations.alerts import send
from havre.operations.context import Run, Runbook, Step
from havre.operations.run_command import RunCommand
from havre.operations.workloads import Composition
from havre.records import schedule
from havre.records.models import Event, Operation
from havre.records.planned import jobs_of

_LINES_TOLD: Final = 20
_LONGEST_LINE: Final = 500


def runbook(run: Run) -> Runbook:
    """The steps of a scheduled command: those of any command, and who has to know of it."""
    command = RunScheduled(run)
    report = Step("report", "Say that it works again, if it had failed", command.report)
    return Runbook(steps=(*command.steps, report), undo=command.undo)


class RunScheduled(RunCommand):
    """One run of a scheduled command."""

    @property
    def job_name(self) -> str:
        """Its name in the manifest."""
        return str(self.run.operation.params["job"])

    def report(self) -> str:
        """After a failure, a success is news."""
        if not schedule.set_failing(self.run.environment, self.job_name, failing=False):
            return "no news"
        return self._tell("recovered", "it works again") or "it had failed before; nobody is to be told"

    def undo(self) -> str:
        """Take the job away; a failure is told, that somebody stopped it is not."""
        done = super().undo()
        begun: Mapping[str, Any] = self.run.operation.result.get("undoing") or {}
        if begun.get("state") != Operation.State.FAILED:
            return done
        schedule.set_failing(self.run.environment, self.job_name, failing=True)
        told = self._tell("failed", str(begun["error"]["message"]))
        return f"{done}; {told}" if told else done

    def _tell(self, outcome: str, message: str) -> str:
        """Send the alert, if the manifest names somebody; in words what came of it, empty without one."""
        hook = self._hook()
        if hook is None or self.run.operation.result.get("alerted"):
            return ""
        try:
            composition = Composition.of(self.run.platform.config, self._release)
            self.run.redact.hide(composition.opened())
            status = send(composition, hook, self._payload(outcome, message))
        except HavreError as error:
            # The run's own outcome stands, whoever could not be told.
            self.run.log(f"alert: {error.message}")
            self.run.remember(alert=error.message)
            return error.message
        self.run.remember(alerted=True)
        return f"the alert was taken ({status})"

    def _hook(self) -> Hook | None:
        release = self._release_or_none
        found = jobs_of(EnvironmentSpec.model_validate(release.spec)).get(self.job_name) if release else None
        return found.job.on_failure if found else None

    def _payload(self, outcome: str, message: str) -> dict[str, Any]:
        self.run.flush()
        operation = self.run.operation
        last = Event.objects.filter(operation=operation, kind="log", data__source__in=("stdout", "stderr"))
        lines = [event.data["line"][:_LONGEST_LINE] for event in last.order_by("-id")[:_LINES_TOLD]]
        run = getattr(operation, "scheduled_run", None)
        return {
            "project": self.run.project,
            "environment": self.run.environment.name,
            "service": self.name,
            "job": self.job_name,
            "operation": operation.pk,
            "outcome": outcome,
            "message": message,
            "exit_code": operation.result.get("exit_code"),
            "due": run.due_at.isoformat() if run else None,
            "lines": lines[::-1],
        }
