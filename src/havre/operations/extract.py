"""Extract: a database out of its newest backup, in an isolated copy, for who asked to read it there.

As in a drill, but nothing of the application is started. The one who asked reads the copy through the engine
(an anonymised copy, a look for personal data) and gives it back; then nothing is left of it. Production
is asked for nothing.
"""

from __future__ import annotations

from typing import Any, Final

from havre.adapters.host import machine
from havre.domain.continuity.drilling import require_memory
from havre.domain.continuity.repositories import RETURNED
from havre.errors import BackupError
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import apart
from havre.operations.continuity.view import chosen
from havre.operations.drill import Drill
from havre.operations.workloads import Composition

WAITS: Final = 120
"""Seconds for which a copy is kept while nobody reads it."""
_LONGEST: Final = 24 * 3600.0
_SESSIONS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def runbook(run: Run) -> Runbook:
    """The steps of an extraction."""
    extract = Extract(run)
    return Runbook(
        steps=(
            Step("plan", "Find what to restore", extract.plan),
            Step("restore", "Restore the database into a copy", extract.unless_removed(extract.restore)),
            Step("isolate", "Cut the copy off from what is outside", extract.unless_removed(extract.isolate)),
            Step("lend", "Keep it while it is read", extract.unless_removed(extract.lend)),
            Step("remove", "Remove the copy", extract.remove),
        ),
        undo=extract.undo,
    )


class Extract(Drill):
    """One copy of one database."""

    def plan(self) -> str:
        """Decided once."""
        if "drill" not in self.run.operation.result:
            self.run.remember(drill=self._begun())
            require_memory([self.copy.shares()[name] for name in self._names], machine.memory().available)
        return f"{', '.join(self._names)} from the {self._repository} repository"

    def lend(self) -> str:
        """Until it is given back, or nobody reads it for a while.

        Raises:
            BackupError: its database does not start.
        """
        (name,) = self._names
        self.copy.wait_for_database(name)
        self.run.remember(lent=self.copy.name(name))
        patience = float(self.run.operation.params.get("wait", WAITS))
        read_at = 0.0
        for elapsed in self.run.wait(every=1.0, at_most=_LONGEST):
            if self.copy.ask(name, "test", "-e", RETURNED).is_good:
                return "it was read"
            if self.copy.sql(name, _SESSIONS).out.strip() != "0":
                read_at = elapsed
            if elapsed - read_at >= patience:
                return "nobody reads it"
        raise BackupError("the copy was read for a whole day, and is removed")

    def undo(self) -> str:
        """Nothing is left of the copy."""
        apart.remove(self.run)
        return "the copy is removed; nothing of the original was touched"

    def _chosen(self, composition: Composition) -> list[str]:
        return chosen(composition, self.run.operation.params.get("service"))[:1]

    def _originals(self, _composition: Composition, _names: list[str]) -> dict[str, Any]:
        return {}
