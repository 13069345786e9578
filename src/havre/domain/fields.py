"""Two lists of facts side by side: what differs between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

HIDDEN: Final = "hidden:"
"""Begins what stands for a value that must not be seen; equal for equal values."""


@dataclass(frozen=True)
class Field:
    """One fact that differs; empty text means that there is none on that side."""

    path: str
    before: str
    after: str

    def shown(self) -> tuple[str, str]:
        """Both sides as people see them."""
        return _shown(self.before), _shown(self.after)

    def as_data(self) -> dict[str, str]:
        """As plain data."""
        return {"path": self.path, "before": self.before, "after": self.after}

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Self:
        """From plain data.

        Raises:
            KeyError: it is not a field.
        """
        return cls(str(data["path"]), str(data["before"]), str(data["after"]))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Field, ...]:
    """The facts that are not the same on both sides, by path."""
    return tuple(
        Field(path, before.get(path, ""), after.get(path, ""))
        for path in sorted(before.keys() | after.keys())
        if before.get(path, "") != after.get(path, "")
    )


def _shown(text: str) -> str:
    return "(hidden)" if text.startswith(HIDDEN) else text
