"""Look after the backups of every database: what is wrong is remembered, and told once."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from django.utils import timezone

from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.watching import ASKED, Seen, Watch, news, problems
from havre.errors import HavreError
from havre.manifest import PostgresService
from havre.operations.alerts import send
from havre.operations.context import Platform
from havre.operations.continuity.database import DatabaseView, databases
from havre.operations.workloads import Composition
from havre.records import continuity, queries
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
    queued = [_look_at(platform, composition, name) for name in databases(composition)]
    return any(queued)


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
    changed = news(before, found, now)
    wants_backup = changed.wants_backup and not _is_under_way(environment)
    if wants_backup:
        params = {"service": name, "type": "incremental"}
        queries.enqueue("backup", environment, params, actor="havre")
        log.info("backups of %s/%s: the archive goes on; a backup is made", environment, name)
    after = replace(
        before, problems=found, late="archive" in found or (changed.wants_backup and not wants_backup)
    )
    for kind in (*changed.begun, *changed.over):
        after = _tell(platform, composition, name, kind, after)
    continuity.record_watch(environment, name, after.as_data())
    return wants_backup


def _asked(view: DatabaseView, recorded: Seen) -> Seen:
    waiting, seconds = view.backlog()
    return replace(recorded, waiting=waiting, seconds=seconds, foreign=view.foreign(view.identifier()))


def _recorded(composition: Composition, name: str) -> Seen:
    release, environment = composition.release, composition.environment
    last = continuity.last_backup(environment, name)
    failed = (last.error or {}).get("message", "") if last and last.state == Operation.State.FAILED else ""
    return Seen(
        failed=str(failed),
        local=continuity.last_good(environment, name, Repository.LOCAL),
        offsite=continuity.last_good(environment, name, Repository.OFFSITE),
        since=release.live_at,
        has_storage=continuity.storage_of(release.storage_version) is not None,
    )


def _is_under_way(environment: Environment) -> bool:
    return Operation.objects.filter(environment=environment, kind="backup", state__in=_UNDER_WAY).exists()


def _tell(platform: Platform, composition: Composition, name: str, kind: str, watch: Watch) -> Watch:
    """Tell that a problem began or is over, if the manifest names somebody; what to remember of it."""
    is_wrong = kind in watch.problems
    message = watch.problems.get(kind, "it is over")
    level = logging.WARNING if is_wrong else logging.INFO
    log.log(level, "backups of %s/%s: %s", composition.environment, name, message)
    service = composition.spec.services[name]
    hook = service.backups.on_failure if isinstance(service, PostgresService) else None
    if hook is not None:
        try:
            send(
                Composition.of(platform.config, composition.release),
                hook,
                {
                    "project": composition.project,
                    "environment": composition.environment.name,
                    "service": name,
                    "about": f"backups: {kind}",
                    "outcome": "failed" if is_wrong else "recovered",
                    "message": message,
                },
            )
        except HavreError as error:
            log.warning("backups of %s/%s: %s", composition.environment, name, error.message)
            return replace(watch, tried={**watch.tried, kind: timezone.now()})
    tried = {key: at for key, at in watch.tried.items() if key != kind}
    return replace(watch, told=watch.told | {kind} if is_wrong else watch.told - {kind}, tried=tried)
