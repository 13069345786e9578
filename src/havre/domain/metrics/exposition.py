"""Series by the names that other tools have for them, with labels for who they are of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from havre.domain.metrics.owners import HAVRE

_NOT_A_NAME: Final = re.compile(r"[^a-z0-9_]+")
_ENVIRONMENTS: Final = "environments"
_PARTS: Final = ("project", "environment", "service")


@dataclass(frozen=True)
class Exposed:
    """A series as others call it.

    Attributes:
        name: such as ``havre_host_memory_available``, ``havre_service_errors_share``.
        labels: project, environment and service, where it is of one.
    """

    name: str
    labels: Mapping[str, str]


def exposed(owner: str, series: str) -> Exposed:
    """A series of the store, by its owner and name."""
    first, *rest = owner.split("/")
    word = _NOT_A_NAME.sub("_", series.lower())
    if owner == HAVRE:
        return Exposed(f"havre_{word}", {})
    if first != _ENVIRONMENTS:
        return Exposed(f"havre_{_NOT_A_NAME.sub('_', first)}_{word}", {})
    return Exposed(f"havre_service_{word}", dict(zip(_PARTS, rest, strict=False)))
