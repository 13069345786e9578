"""Look after the backups of every database: what is wrong is remembered, and becomes an alert there."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from django.utils import timezone

from havre.domain.continuity import failures
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.watching import (
    ASKED,
    STALE,
    Planned,
    Seen,
    Watch,
    problems,
    problems_of_files,
    wants_backup,
)
from havre.errors import HavreError
from havre.manifest import PostgresService
from havre.operations.context import Platform
from havre.operations.continuity import dates
from havre.operations.continuity.view import DatabaseView, databases
from havre.operations.workloads import Composition
from havre.records import continuity, dumps, queries, saving
from havre.records.models import Environment, Operation

log = logging.getLogger(__name__)

_UNDER_WAY: Final = (Operation.State.QUEUED, Operation.State.RUNNING)


def look(platform: Platform, environment: Environment) -> bool:
    """Look at the databases of an environment; whether a backup was queued.

    Raises:
        EngineError: the engine does not answer.
    """
    release = environment.current_release
    if release is None:
        return False
    composition = Composition.unopened(platform.config, release)
    _look_at_files(platform, environment)
    queued = [_look_at(platform, composition, name) for name in databases(composition)]
    return any(queued)


def _look_at_files(platform: Platform, environment: Environment) -> None:
    """What is saved beside the databases; that nothing ran is found too."""
    before = Watch.stored(saving.watch_of(environment))
    doubt = dates.look(platform.config.paths.clock).doubt
    found = problems_of_files(replace(saving.seen_files(environment), doubt=doubt), timezone.now())
    if found != before.problems:
        saving.record_watch(environment, Watch(found).as_data())


def _look_at(platform: Platform, composition: Composition, name: str) -> bool:
    environment, now = composition.environment, timezone.now()
    before = Watch.stored(continuity.watch_of(environment, name))
    seen, kept = _recorded(composition, name), {}
    try:
        seen = _asked(DatabaseView(platform.engine, composition, name), seen)
    except HavreError as error:
        # It does not run, which other eyes watch; what it was seen with last stands until it can be asked.
        log.debug("backups of %s/%s: %s", environment, name, error.message)
        kept = {kind: text for kind, text in before.problems.items() if kind in ASKED}
    found = kept | problems(seen, now)
    is_wanted = wants_backup(before, found)
    is_queued = is_wanted and not _is_under_way(environment)
    if is_queued:
        params = {"service": name, "type": "incremental"}
        queries.enqueue("backup", environment, params, actor="havre")
        log.info("backups of %s/%s: the archive goes on; a backup is made", environment, name)
    after = Watch(found, late="archive" in found or (is_wanted and not is_queued))
    continuity.record_watch(environment, name, after.as_data())
    return is_queued


def _asked(view: DatabaseView, recorded: Seen) -> Seen:
    waiting, seconds = view.backlog()
    told = filter(None, (view.archive_error(each) for each in view.repositories())) if waiting else ()
    causes = tuple(failures.cause(each).message for each in told)
    return replace(
        recorded,
        waiting=waiting,
        seconds=seconds,
        causes=causes,
        streaming=view.streaming(),
        foreign=view.foreign(view.identifier()),
    )


def _recorded(composition: Composition, name: str) -> Seen:
    release, environment = composition.release, composition.environment
    last = continuity.last_backup(environment, name)
    failed = (last.error or {}).get("message", "") if last and last.state == Operation.State.FAILED else ""
    local, offsite = (continuity.last_good(environment, name, each) for each in Repository)
    service = composition.spec.services[name]
    patience = continuity.patience(service) if isinstance(service, PostgresService) else STALE
    is_fresh = all(last and timezone.now() - last < patience for last in (local, offsite))
    return Seen(
        failed=str(failed),
        local=local,
        offsite=offsite,
        since=release.live_at if is_fresh else continuity.backed_up_since(environment, name),
        has_storage=continuity.storage_of(release.storage_version) is not None,
        dump=_dumps(composition, name),
        patience=patience,
    )


def _dumps(composition: Composition, name: str) -> Planned | None:
    service = composition.spec.services[name]
    patience = dumps.patience(service) if isinstance(service, PostgresService) else None
    if patience is None:
        return None
    wanted = Repository.OFFSITE if continuity.newest_storage() else Repository.LOCAL
    newest = dumps.newest(composition.environment, name, wanted)
    return Planned(
        failed=dumps.last_failure(composition.environment, name),
        last=newest.stopped_at if newest else None,
        patience=patience,
    )


def _is_under_way(environment: Environment) -> bool:
    return Operation.objects.filter(environment=environment, kind="backup", state__in=_UNDER_WAY).exists()
