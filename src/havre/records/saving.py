"""What was saved of environments beside their databases, and which of them are due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from havre.domain.continuity.protection import Returnable
from havre.domain.continuity.repositories import Repository
from havre.domain.continuity.retention import Retention
from havre.domain.continuity.saving import Saved, due
from havre.domain.continuity.watching import SeenFiles
from havre.manifest import EnvironmentSpec
from havre.records import continuity, queries, verifications
from havre.records.models import Environment, Operation, SavedEnvironment

KIND = "save"
_ACTIVE = (Operation.State.QUEUED, Operation.State.RUNNING)
_LOOKED_AT = 50
_BRINGS_BACK = ("rebuild", "restore")


def last_saved(environment: Environment) -> Operation | None:
    """The last operation that saved it well; None if there is none."""
    done = Operation.objects.filter(environment=environment, kind=KIND, state=Operation.State.SUCCEEDED)
    return done.order_by("-id").first()


def returnable_environments() -> list[Returnable]:
    """Every environment with a live release, and when it was saved off-site last."""
    found = []
    for environment in Environment.objects.select_related("project").exclude(current_release=None):
        seen = seen_files(environment)
        unread = f"reading back: {seen.read_back.failed}" if seen.read_back and seen.read_back.failed else ""
        found.append(Returnable(str(environment), seen.offsite, seen.failed or unread))
    return found


def seen_files(environment: Environment) -> SeenFiles:
    """How the copies of what it is beside its databases stand.

    State is saved last of all that goes off-site, so where it was, everything was.
    """
    rows = Operation.objects.filter(environment=environment, kind=KIND).exclude(state__in=_ACTIVE)
    newest = list(rows.order_by("-id")[:_LOOKED_AT])
    last = next((row for row in newest if row.state != Operation.State.CANCELLED), None)
    good = next((row for row in newest if row.result.get("state_snapshot")), None)
    storage = continuity.newest_storage()
    first = list(continuity.releases_since_it_is_there(environment))[-1:] if storage else []
    since = max(storage.created_at, first[0].live_at) if storage and first and first[0].live_at else None
    return SeenFiles(
        failed=str((last.error or {}).get("message", "")) if last else "",
        offsite=good.finished_at if good else None,
        since=since,
        read_back=verifications.seen(environment),
    )


def retentions(repository: Repository) -> dict[str, Retention]:
    """How long each environment that is live wants its copies kept in a repository."""
    found = {}
    for environment in Environment.objects.select_related("project", "current_release"):
        if environment.current_release:
            backup = EnvironmentSpec.model_validate(environment.current_release.spec).backup
            copies = backup.local if repository is Repository.LOCAL else backup.offsite
            found[str(environment)] = copies.retention
    return found


def watch_of(environment: Environment) -> dict[str, Any]:
    """What was wrong with these copies when the worker last looked; empty if it never did."""
    row = SavedEnvironment.objects.filter(environment=environment).first()
    return row.watch if row else {}


def record_watch(environment: Environment, watch: Mapping[str, Any]) -> None:
    """Remember what is."""
    SavedEnvironment.objects.update_or_create(environment=environment, defaults={"watch": dict(watch)})


def last_archive(environment: Environment) -> dict[str, Any]:
    """What was saved last beside the databases, as the API shows it."""
    good = last_saved(environment)
    rows = Operation.objects.filter(environment=environment, kind=KIND).exclude(state__in=_ACTIVE)
    last = rows.order_by("-id").first()
    sizes: dict[str, int] = good.result.get("sizes", {}) if good else {}
    return {
        "at": good.finished_at.isoformat() if good and good.finished_at else None,
        "operation": good.pk if good else None,
        "offsite": bool(good and good.result.get("state_snapshot")),
        "contents": [{"what": what, "size": size} for what, size in sorted(sizes.items())],
        "problem": str((last.error or {}).get("message", "")) if last and last != good else "",
    }


def is_coming_back(environment: Environment) -> bool:
    """Whether it is being rebuilt now, or a volume of it restored: it may be half of itself."""
    active = Operation.objects.filter(environment=environment, state__in=_ACTIVE)
    return any(
        row.kind == "rebuild" or row.params.get("volume") for row in active.filter(kind__in=_BRINGS_BACK)
    )


def is_being_saved(environment: Environment) -> bool:
    """Whether its volumes may be read now."""
    return Operation.objects.filter(
        environment=environment, kind=KIND, state=Operation.State.RUNNING
    ).exists()


def image_ids(environment: Environment) -> dict[str, str]:
    """Ids of the images that were saved, by the references that releases name them by; the last counts."""
    rows = Operation.objects.filter(environment=environment, kind=KIND).order_by("id")
    return {
        str(name): str(number) for row in rows for name, number in (row.result.get("images") or {}).items()
    }


def save_if_due(environment: Environment, now: datetime | None = None) -> Operation | None:
    """Queue saving an environment, where there is an off-site storage and it is time."""
    release, storage = environment.current_release, continuity.newest_storage()
    if release is None or release.live_at is None or storage is None:
        return None
    rows = Operation.objects.filter(environment=environment, kind=KIND)
    if rows.filter(state__in=_ACTIVE).exists() or is_coming_back(environment):
        return None
    last = last_saved(environment)
    if last and last.created_at < storage.created_at:
        last = None  # another storage, which has nothing yet
    failed = rows.exclude(state=Operation.State.SUCCEEDED).order_by("-id").first()
    moved = ("restore", "rollback", "rebuild", "upgrade")
    restored = (
        Operation.objects.filter(
            environment=environment,
            kind__in=moved,
            state=Operation.State.SUCCEEDED,
        )
        .order_by("-id")
        .first()
    )
    why = due(
        now or timezone.now(),
        release=release.number,
        live_at=release.live_at,
        restored_at=restored.finished_at if restored else None,
        last=Saved(last.created_at, int(last.result.get("release") or 0)) if last else None,
        tried_at=failed.finished_at if failed and (last is None or failed.pk > last.pk) else None,
        daily=EnvironmentSpec.model_validate(release.spec).backup.daily,
    )
    return queries.enqueue(KIND, environment, {}, actor="scheduler") if why else None
