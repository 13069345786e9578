"""What is saved of an environment: as the repositories list it now, and what Havre remembers of it."""

from __future__ import annotations

from typing import Any

from havre.adapters.swarm.engine import Engine
from havre.config import config
from havre.domain.continuity import exposure, failures
from havre.domain.continuity.info import BackupSet, Info
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.stream import Streaming
from havre.errors import HavreError, UsageError
from havre.operations.continuity.view import DatabaseView, databases
from havre.operations.workloads import Composition
from havre.records import continuity, dumps, queries, saving, verifications
from havre.records.models import Backup


def backups(project: str, environment: str) -> dict[str, Any]:
    """Rows of ``backups``, newest first, and of ``databases``: their repositories and problems.

    Raises:
        UsageError: there is no such environment, or nothing is deployed in it.
        EngineError: the engine does not answer.
    """
    row = queries.environment_named(project, environment)
    release = row.current_release
    if release is None:
        raise UsageError(f"nothing is deployed in {row}", hint="deploy first: havre deploy")
    composition = Composition.unopened(config(), release)
    engine = Engine(config().docker_host)
    known = continuity.backups_of(row)
    shown: list[dict[str, Any]] = []
    about: list[dict[str, Any]] = []
    for name in databases(composition):
        view = DatabaseView(engine, composition, name)
        try:
            present, found, replaced = view.repositories(), view.info(), view.replaced()
            waiting, seconds = view.backlog()
            streaming = view.streaming()
            at_risk = _at_risk(view, found, streaming)
            problem = view.foreign(view.identifier())
        except HavreError as error:
            nothing = {"repositories": [], "replaced": [], "waiting": 0, "waiting_seconds": 0.0}
            about.append({"service": name, "problem": error.message, **nothing})
            continue
        about.append(
            {
                "service": name,
                "repositories": [_repository(found, each) for each in present],
                "problem": problem,
                "replaced": replaced,
                "waiting": waiting,
                "waiting_seconds": seconds,
                "at_risk_seconds": at_risk,
                "objective_rpo": composition.spec.objectives.rpo,
                "is_streamed": streaming is not None,
                "streamed_seconds": streaming.age if streaming else None,
                "stream_problem": streaming.trouble if streaming else "",
            }
        )
        shown += [
            _backup(name, each, known.get((name, each.repository.value, each.label)))
            for each in found.backups
        ]
    shown += dumps.shown(row)
    shown.sort(key=lambda each: str(each["stopped_at"]), reverse=True)
    return {
        "backups": shown,
        "databases": about,
        "archive": saving.last_archive(row),
        "verified": verifications.shown(row),
        "storage_is_newer": continuity.storage_version() != release.storage_version,
        "has_storage": continuity.newest_storage() is not None,
    }


def _at_risk(view: DatabaseView, found: Info, streaming: Streaming | None) -> float | None:
    """Seconds whose changes would be lost with this server now; None if all of it would be."""
    return exposure.at_risk(view.archiving(streaming)) if found.of(Repository.OFFSITE) else None


def _repository(found: Info, repository: Repository) -> dict[str, Any]:
    problem = found.problem(repository)
    archive = next((each for each in reversed(found.archives) if each.repository is repository), None)
    return {
        "repository": repository.value,
        "problem": failures.cause(problem).message if problem else "",
        "wal_first": archive.first if archive else "",
        "wal_last": archive.last if archive else "",
    }


def _backup(service: str, made: BackupSet, row: Backup | None) -> dict[str, Any]:
    return {
        "service": service,
        "repository": made.repository.value,
        "label": made.label,
        "type": {"incr": "incremental", "diff": "differential"}.get(made.kind, made.kind),
        "started_at": made.started.isoformat(),
        "stopped_at": made.stopped.isoformat(),
        "size": made.size,
        "stored": made.stored,
        "lsn": made.lsn_stop,
        "operation": made.operation,
        "verified_at": row.verified_at.isoformat() if row and row.verified_at else None,
        "problem": row.problem if row else "pages had wrong checksums" if made.has_errors else "",
    }
