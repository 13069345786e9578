"""Restore points: a moment of the data that a release can be rolled back with."""

from __future__ import annotations

from typing import Any

from havre.operations.context import Run
from havre.records.models import Release


def make(run: Run, release: Release) -> dict[str, Any] | None:  # noqa: ARG001 - the hook's signature
    """Make a named restore point of every database of the release's environment.

    Returns:
        What identifies it (``name``, and per database its LSN), or None where no backup is set up:
        until continuity is configured there is nothing that could be returned to, and a deployment
        says so.
    """
    return None
