"""The live release of an operation's environment, for what works on its databases."""

from __future__ import annotations

from havre.errors import UsageError
from havre.operations.context import Run
from havre.operations.workloads import Composition


def live_composition(run: Run) -> Composition:
    """The live release as workloads, its secrets hidden from the log.

    Raises:
        UsageError: nothing is deployed.
    """
    release = run.environment.current_release
    if release is None:
        raise UsageError(f"nothing is deployed in {run.environment}", hint="deploy first: havre deploy")
    composition = Composition.of(run.platform.config, release)
    run.redact.hide(composition.opened())
    return composition
