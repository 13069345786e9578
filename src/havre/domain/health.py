"""When a service counts as healthy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """An HTTP check: a GET of ``path`` that is answered with a status from 200 to 399.

    Attributes:
        path: path with optional query, starting with ``/``.
        interval: seconds between two checks.
        timeout: seconds after which a check counts as failed.
        retries: failed checks in a row that make a task unhealthy.
        start_period: seconds a starting task has until failed checks count.
    """

    path: str = "/"
    interval: float = 1.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 60.0
