"""Copying the settings of one environment into another: what would be new there, and what overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What becomes of one setting in the environment that is copied into."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    SAME = "same"


@dataclass(frozen=True, order=True)
class Copied:
    """One setting.

    Attributes:
        kind: ``variable`` or ``secret``.
        service: the service of a variable; empty for every app, and for secrets.
        name: its name.
        outcome: what becomes of it.
    """

    kind: str
    service: str
    name: str
    outcome: Outcome


def copied(
    kind: str, source: Mapping[tuple[str, str], object], target: Mapping[tuple[str, str], object]
) -> tuple[Copied, ...]:
    """What copying makes of each setting of the source; what only the target has stays as it is.

    Args:
        kind: ``variable`` or ``secret``.
        source: values by service and name.
        target: the same of the environment that is copied into.
    """
    return tuple(
        Copied(kind, service, name, _outcome(value, target.get((service, name))))
        for (service, name), value in sorted(source.items(), key=lambda item: item[0])
    )


def _outcome(value: object, there: object) -> Outcome:
    if there is None:
        return Outcome.CREATE
    return Outcome.SAME if there == value else Outcome.OVERWRITE
