"""Apply: carry out a plan that somebody saw, exactly that one or nothing."""

from __future__ import annotations

from typing import Any

from havre.domain import plan as plans
from havre.errors import ConflictError, UsageError
from havre.operations import consent, planning
from havre.operations.context import Run, Runbook, Step
from havre.operations.deploy import Deploy, runbook_of
from havre.records.models import Release


def runbook(run: Run) -> Runbook:
    """The steps of a deployment, after it was seen that the plan still holds."""
    deploy = Deploy(run)
    apply = Apply(run, deploy)
    inner = runbook_of(deploy)
    return Runbook(steps=(Step("agree", "Compare with the plan", apply.agree), *inner.steps), undo=inner.undo)


class Apply:
    """One plan carried out. Its commit is the operation's ``ref``."""

    def __init__(self, run: Run, deploy: Deploy) -> None:
        self.run = run
        self._deploy = deploy

    def agree(self) -> str:
        """Plan again; go on only if that is the plan that was given.

        Once it was, it stays so: a later run of this step, after a crash, finds its own traces.
        """
        if Release.objects.filter(operation=self.run.operation).exists():
            return "agreed before"
        given = self.run.operation.params["plan"]
        self._require_fitting(given)
        found, spec = self._deploy.source.read()
        planned = planning.of_commit(self.run.platform, self.run.environment, found, spec)
        now = planned.as_data()
        differences = plans.moved(given["basis"], now["basis"])
        if not differences and given["changes"] != now["changes"]:
            differences = ["the changes are not those of the plan"]
        if differences:
            raise ConflictError(
                "the plan is stale: " + "; ".join(differences),
                hint="make a new one: havre plan",
                retryable=False,
            )
        consent.require_for(self.run, planned.plan.dangers, is_protected=planned.is_protected)
        self._deploy.images = planned.images
        return f"{len(planned.plan.changes)} changes, as planned"

    def _require_fitting(self, given: dict[str, Any]) -> None:
        place = (self.run.project, self.run.environment.name)
        if (given["project"], given["environment"]) != place:
            raise UsageError(
                f"the plan is for {given['project']} {given['environment']}, not {place[0]} {place[1]}"
            )
        if given["format"] != plans.FORMAT:
            raise UsageError(
                f"the plan has format {given['format']}, this Havre reads {plans.FORMAT}",
                hint="make a new one: havre plan --out FILE",
            )
