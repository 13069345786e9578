"""What became of each part of a Compose file: exactly one verdict covers it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from havre.domain.compose.tree import Node, Path, dotted


class Outcome(StrEnum):
    """What became of a part."""

    CARRIED = "carried over"
    CHANGED = "changed"
    DROPPED = "not carried over"


@dataclass(frozen=True)
class Verdict:
    """What became of a part of a file, and of all below it.

    ``target`` is where it stands in the manifest (may be empty), ``reason`` why it changed or is not
    carried over, ``remedy`` what to do instead. None of them holds a value of a variable.
    """

    outcome: Outcome
    file: str
    line: int
    path: Path
    target: str = ""
    reason: str = ""
    remedy: str = ""

    @property
    def where(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"

    @property
    def name(self) -> str:
        """The path as people write it."""
        return dotted(self.path)


@dataclass
class Ledger:
    """The verdicts, in the order in which they were reached."""

    verdicts: dict[Path, Verdict] = field(default_factory=dict)

    def carried(self, node: Node, target: str) -> None:
        """It stands in the manifest as it was."""
        self._add(Outcome.CARRIED, node, target)

    def changed(self, node: Node, target: str, reason: str, remedy: str = "") -> None:
        """It stands in the manifest in another way."""
        self._add(Outcome.CHANGED, node, target, reason, remedy)

    def dropped(self, node: Node, reason: str, remedy: str = "") -> None:
        """It is not in the manifest."""
        self._add(Outcome.DROPPED, node, "", reason, remedy)

    def has(self, node: Node) -> bool:
        """Whether a verdict covers a part already."""
        return any(node.path[:length] in self.verdicts for length in range(len(node.path) + 1))

    def sorted(self, files: Iterable[str]) -> tuple[Verdict, ...]:
        """The verdicts by file, in the order of ``files``, and by line."""
        order = {file: at for at, file in enumerate(files)}
        return tuple(
            sorted(self.verdicts.values(), key=lambda v: (order.get(v.file, len(order)), v.file, v.line))
        )

    def _add(self, outcome: Outcome, node: Node, target: str, reason: str = "", remedy: str = "") -> None:
        """The first verdict on a part stays; a later one on a whole covers what has none yet."""
        depth = len(node.path)
        is_whole = not any(path[:depth] == node.path for path in self.verdicts)
        for part in [node] if is_whole else node.leaves():
            if not self.has(part):
                self.verdicts[part.path] = Verdict(
                    outcome, part.file, part.line, part.path, target, reason, remedy
                )
