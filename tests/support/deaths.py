"""Which operation of a scenario dies at which moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.crash import Moment
    from support.crash_lab import Scenario

UNDO = "undo"


class Deaths:
    """No two operations of a scenario die at the same moment; together they die at all of its moments.

    Args:
        steps: the steps of each kind of operation, as far as they are known.
        of_undone: whether operations are undone after their first death; else they are continued.
    """

    def __init__(self, steps: Mapping[str, Sequence[str]], *, of_undone: bool) -> None:
        self.of: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.by: Counter[int] = Counter()
        """Deaths of each operation."""
        self._steps = steps
        self._of_undone = of_undone
        self._most = 3 if of_undone else 1000

    def claim(self, scenario: Scenario, moment: Moment) -> bool:
        """Whether an operation is to die here."""
        mine, here = self.of[scenario.name], (moment.step, moment.edge)
        if here in mine or self.by[moment.operation] == self._most or not self._is_tried(scenario, *here):
            return False
        # The end of a step and the beginning of the next one leave the same behind.
        if moment.edge == "begin" and moment.step != UNDO and self._has_begun(scenario):
            return False
        mine.add(here)
        self.by[moment.operation] += 1
        return True

    def missing(self, scenario: Scenario) -> set[tuple[str, str]] | None:
        """The moments at which none died yet, but those of parts; None if its steps are not known."""
        steps = self._steps.get(scenario.kind)
        if steps is None:
            return None
        wanted = {(step, "end") for step in steps if self._is_tried(scenario, step, "end")}
        if self._of_undone:
            wanted |= {(UNDO, "begin"), (UNDO, "end")}
        if not self._has_begun(scenario) and self._is_tried(scenario, steps[0], "begin"):
            wanted.add((steps[0], "begin"))
        return wanted - self.of[scenario.name]

    def has_parts(self, scenario: Scenario) -> bool:
        """Whether one died in the middle of a step: how many such moments there are cannot be known."""
        return any(edge not in {"begin", "end"} for _, edge in self.of[scenario.name])

    def _has_begun(self, scenario: Scenario) -> bool:
        return any(edge == "begin" and step != UNDO for step, edge in self.of[scenario.name])

    def _is_tried(self, scenario: Scenario, step: str, edge: str) -> bool:
        is_part = edge not in {"begin", "end"}
        is_known = any(step in self._steps.get(kind, ()) for kind in scenario.like.split())
        if is_part or step == UNDO or not is_known:
            return True
        if not self._of_undone and not scenario.is_variant:
            return True
        return edge == "end" and step in scenario.undo_after
