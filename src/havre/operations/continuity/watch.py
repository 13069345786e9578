"""Look after the backups of every database: what is wrong is remembered, and told once."""

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
    news,
    problems,
    problems_of_files,
)
from havre.errors import HavreError
from havre.manifest import EnvironmentSpec, PostgresService
from havre.manifest.cron import Hook
from havre.operations.alerts import send
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
    _look_at_files(platform, composition)
    queued = [_look_at(platform, composition, name) for name in databases(composition)]
    return any(queued)


def _look_at_files(platform: Platform, composition: Composition) -> None:
    """What is saved beside the databases: by whom nothing ran is told too."""
    environment, now = composition.environment, timezone.now()
    before = Watch.stored(saving.watch_of(environment))
    doubt = dates.look(platform.config.paths.clock).doubt
    found = problems_of_files(replace(saving.seen_files(environment), doubt=doubt), now)
    changed, after = news(before, found, now), replace(before, problems=found)
    for kind in (*changed.begun, *changed.over):
        after = _tell(platform, composition, "", kind, after)
    if after != before:
        saving.record_watch(environment, after.as_data())


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


def _tell(platform: Platform, composition: Composition, name: str, kind: str, watch: Watch) -> Watch:
    """Tell that a problem began or is over, if the manifest names somebody; what to remember of it.

    Args:
        platform: has the key of the secrets that may name who is told.
        composition: of the live release.
        name: the database; empty for what an environment is beside them.
        kind: of the problem.
        watch: what is wrong, and who was told what.
    """
    is_wrong = kind in watch.problems
    message = watch.problems.get(kind, "it is over")
    what = "/".join(filter(None, (str(composition.environment), name)))
    log.log(logging.WARNING if is_wrong else logging.INFO, "backups of %s: %s", what, message)
    hooks = _hooks(composition.spec, name)
    if hooks:
        document = {
            "project": composition.project,
            "environment": composition.environment.name,
            "service": name,
            "about": f"backups: {kind}",
            "outcome": "failed" if is_wrong else "recovered",
            "message": message,
        }
        try:
            opened = Composition.of(platform.config, composition.release)
            for hook in hooks:
                send(opened, hook, document)
        except HavreError as error:
            log.warning("backups of %s: %s", what, error.message)
            return replace(watch, tried={**watch.tried, kind: timezone.now()})
    tried = {key: at for key, at in watch.tried.items() if key != kind}
    return replace(watch, told=watch.told | {kind} if is_wrong else watch.told - {kind}, tried=tried)


def _hooks(spec: EnvironmentSpec, name: str) -> list[Hook]:
    """Who is told about a database; or, without a name, about all that is saved beside them."""
    if not name and spec.backup.on_failure:
        return [spec.backup.on_failure]
    found = [
        service.backups.on_failure
        for each, service in spec.services.items()
        if isinstance(service, PostgresService) and name in {"", each} and service.backups.on_failure
    ]
    return [hook for number, hook in enumerate(found) if hook not in found[:number]]
