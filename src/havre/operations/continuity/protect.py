"""Have the repositories of databases ready, whenever a database was started or changed."""

from __future__ import annotations

from collections.abc import Collection

from havre.operations.context import Run
from havre.operations.continuity.database import Database
from havre.operations.continuity.view import databases
from havre.operations.workloads import Composition


def prepare(run: Run, composition: Composition, services: Collection[str]) -> list[str]:
    """Have the repositories of these services ready, in words what could not be.

    A storage that is away holds no deployment back: the local repository is made first, and the next
    backup tries again and fails if it still is.
    """
    told = []
    for name in databases(composition):
        if name in services:
            problem = Database(run, composition, name).protect()
            if problem:
                run.log(f"backups of {name}: {problem}")
                told.append(f"backups of {name} are not ready: {problem}")
    return told
