"""Restore the newest dumps within a drill's copy: one that does not come back is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from havre.adapters.swarm.toolbox import Program
from havre.domain.continuity import dumping
from havre.domain.continuity.archive import Place
from havre.domain.continuity.drilling import require_disk
from havre.domain.continuity.dumping import Contents
from havre.domain.continuity.repositories import PGDATA
from havre.errors import BackupError
from havre.operations.context import Run
from havre.operations.continuity import check_archive
from havre.operations.continuity.apart import psql
from havre.operations.continuity.archive import Archive
from havre.operations.continuity.copy import Copy
from havre.records import dumps
from havre.records.models import Dump

_DATABASE: Final = "havre_dump"
"""Beside the restored one, in the cluster of the copy; gone again before the next."""


def restore_dumps(copy: Copy, names: Sequence[str], place: Place) -> Iterator[str]:
    """Bring the newest dump of each database back, each once; words about each.

    What is wrong with one is stored, and keeps no other from being tried.

    Args:
        copy: its databases run, and nothing leads outward from them.
        names: the databases.
        place: where dumps are read from.
    """
    run = copy.run
    for name in names:
        found: dict[str, dict[str, Any]] = run.operation.result.get("dumps", {})
        row = dumps.newest(run.environment, name, place.repository)
        if row is None or name in found:
            yield f"{name}: {'as before' if row else 'there is no dump yet'}"
            continue
        run.part(f"dump-{name}", f"restoring the dump of {name}")
        problem = ""
        try:
            _restore(run, copy, name, row, place)
        except BackupError as error:
            problem = error.message
        facts = {"snapshot": row.snapshot, "made_at": row.stopped_at.isoformat(), "problem": problem}
        run.remember(dumps={**found, name: facts})
        yield f"{name}: {problem or f'{row.tables} tables'}, the dump {row.snapshot[:8]}"


def _restore(run: Run, copy: Copy, name: str, row: Dump, place: Place) -> None:
    free = copy.ask(name, "df", "--output=avail", "-B1", PGDATA.rpartition("/")[0]).out.split()
    require_disk(row.size, int(free[-1]) if free else 0)
    _as_administrator(copy, name, f"DROP DATABASE IF EXISTS {_DATABASE}")
    _as_administrator(copy, name, f"CREATE DATABASE {_DATABASE} TEMPLATE template0")
    command = ("pg_restore", "--username=postgres", "--exit-on-error", f"--dbname={_DATABASE}")
    with Archive.opened(
        copy.engine,
        place,
        labels=check_archive.labels(run),
        watch=lambda _: run.checkpoint(),
        patience=run.platform.config.storage_patience,
    ) as there:
        there.read_into(row.snapshot, dumping.FILE, Program(copy.name(name), command))
    answer = copy.ask(name, *psql(_DATABASE), "-c", dumping.CONTENTS)
    if not answer.is_good:
        raise BackupError(f"what came back cannot be asked: {answer.err.strip()[:300]}")
    problem = dumping.lacks(Contents(row.tables, row.rows), Contents.read(answer.out.strip()))
    if problem:
        raise BackupError(problem)
    _as_administrator(copy, name, f"DROP DATABASE {_DATABASE}")


def _as_administrator(copy: Copy, name: str, statement: str) -> None:
    answer = copy.ask(name, *psql("postgres"), "-c", statement)
    if not answer.is_good:
        raise BackupError(f"the copy refused: {answer.err.strip()[:300]}")
