"""Moments at which a test of recovery stops the worker; without its settings nothing happens here.

A step can be interrupted at its beginning, at its end (what it does is done then, and not recorded), and
where one of its parts begins.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from havre.operations.context import Run, Step

_POLL: Final = 0.01


def at(run: Run, step: Step, moment: str) -> None:
    """Die, or wait, if this moment of this step was asked for: ``begin``, ``end``, or a part's name."""
    _die(run, step, moment)
    _wait(run, step, moment)


def _die(run: Run, step: Step, moment: str) -> None:
    """Die as in a power cut: ``crash_at`` names KIND:STEP or KIND:STEP:MOMENT for each attempt in turn."""
    wanted = run.platform.config.crash_at.split(",")
    attempt = run.operation.attempt
    here = f"{run.operation.kind}:{step.name}"
    if attempt <= len(wanted) and wanted[attempt - 1] == (here if moment == "begin" else f"{here}:{moment}"):
        os.kill(os.getpid(), signal.SIGKILL)


def _wait(run: Run, step: Step, moment: str) -> None:
    """Wait until the test goes on or kills; a moment that it let pass once is not waited at again."""
    folder = run.platform.config.pause_at
    if folder is None:
        return
    here = folder / f"{run.operation.pk}.{step.name}.{moment}"
    if here.with_name(f"{here.name}.passed").exists():
        return
    here.touch()
    while here.exists() and not run.platform.stopping.is_set():
        time.sleep(_POLL)
