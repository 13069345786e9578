"""Plan: what deploying a commit would change, and what was changed by hand. Writes nothing."""

from __future__ import annotations

from typing import Final

from havre.domain.drift import Drift
from havre.errors import ConflictError
from havre.operations import drift, planning
from havre.operations.context import Run, Runbook, Step
from havre.operations.planning import Planned
from havre.operations.source import SourceReader

_AGAIN: Final = 1.0  # seconds
_PATIENCE: Final = 600.0  # seconds


def runbook(run: Run) -> Runbook:
    """The steps of planning; the result holds the plan."""
    plan = MakePlan(run)
    return Runbook(
        steps=(
            Step("source", "Read the source", plan.read),
            Step("compare", "Compare it with what runs", plan.compare),
        ),
        undo=plan.undo,
    )


class MakePlan:
    """One plan."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._source = SourceReader(run)

    def read(self) -> str:
        """A clean checkout and its manifest; not needed where only drift is asked for."""
        if self._only_drift:
            return "not needed to look for drift"
        found, _ = self._source.read()
        return f"{found.commit[:12]} {found.subject}"

    def compare(self) -> str:
        """The differences, as the result."""
        planned = self._planned()
        self.run.remember(plan=planned.as_data())
        self._source.clean_up()
        changes, drift = len(planned.plan.changes), len(planned.plan.drift)
        by_hand = f"{drift} changed by hand" if drift else "nothing changed by hand"
        return by_hand if self._only_drift else f"{changes} changes, {by_hand}"

    def undo(self) -> str:
        """Only the checkout was made."""
        self._source.clean_up()
        return "nothing had been changed"

    def _planned(self) -> Planned:
        environment = self.run.environment
        environment.refresh_from_db()
        if self._only_drift:
            return planning.of_drift(self.run.platform, environment, self._drift_beside_a_canary())
        return planning.of_commit(self.run.platform, environment, *self._source.read())

    def _drift_beside_a_canary(self) -> tuple[Drift, ...]:
        """What was changed by hand; what an operation is changing is none of that."""
        for _ in self.run.wait(every=_AGAIN, at_most=_PATIENCE):
            found = drift.look_beside(self.run.platform, self.run.environment)
            if found is not None:
                return found
        raise ConflictError(
            f"{self.run.environment} is being changed all the time, so drift cannot be told from that",
            hint="try again when `havre operations list` shows nothing that runs",
        )

    @property
    def _only_drift(self) -> bool:
        return bool(self.run.operation.params.get("drift"))
