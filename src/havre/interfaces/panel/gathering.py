"""What several pages need of the records, for all environments in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Max, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from havre.domain.continuity.objectives import Objectives
from havre.interfaces.api.access import Caller
from havre.interfaces.api.health import WORKER_LATE, worker_seen_seconds
from havre.interfaces.api.permissions import visible_projects
from havre.interfaces.panel.words import UNDER_WAY, Status
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records import continuity, drifts, queries
from havre.records.models import (
    Backup,
    Drill,
    Environment,
    Operation,
    Release,
    SavedDatabase,
    SavedEnvironment,
)

DEPLOYMENTS = ("deploy", "apply", "rollback")
ROUTINE = frozenset({*queries.COMMANDS, "plan"}) - {"run"}
"""Kinds that change nothing of what runs, and mostly come by schedule: the page of all activity has them."""
_ENDED = (Operation.State.SUCCEEDED, Operation.State.FAILED)


@dataclass(frozen=True)
class Problem:
    """Something that wants attention: where, since when it is known what, and the page that tells more."""

    place: str
    text: str | Promise
    address: str
    tone: str = "warn"


@dataclass(frozen=True)
class Outlook:
    """An environment at a glance.

    Attributes:
        row: its record, with project and live release.
        status: how it stands.
        last: its newest deployment that is over.
        running: what changes it now.
        databases: names of those that are backed up.
        saved_at: when the oldest of their newest good backups was complete (off-site if there is a storage);
            None if one has none.
        is_offsite: whether that is off-site.
        drill: the newest restore drill.
        problems: what wants attention.
    """

    row: Environment
    status: Status
    last: Operation | None
    running: Operation | None
    databases: tuple[str, ...]
    saved_at: datetime | None
    is_offsite: bool
    drill: Drill | None
    problems: tuple[Problem, ...] = field(default_factory=tuple)

    @property
    def release(self) -> Release | None:
        """The live one."""
        return self.row.current_release

    @property
    def objectives(self) -> Objectives:
        """Of recovery."""
        return spec_of(self.release).objectives if self.release else Objectives()


def spec_of(release: Release) -> EnvironmentSpec:
    """The manifest of a release that was live once, which never changes again; parsed once."""
    return _parsed(release.pk) or EnvironmentSpec.model_validate(release.spec)


@lru_cache(maxsize=300)
def _parsed(release: int) -> EnvironmentSpec | None:
    row = Release.objects.filter(pk=release).exclude(live_at=None).first()
    return EnvironmentSpec.model_validate(row.spec) if row else None


def address_of(row: Environment, page: str = "") -> str:
    """Of an environment's page."""
    return f"/environments/{row.project.name}/{row.name}/{page}"


def seen_by(caller: Caller, name: str = "project__name") -> Q:
    """What of records somebody may see, by the field that holds the name of their project."""
    names = visible_projects(caller)
    return Q() if names is None else Q(**{f"{name}__in": names})


def outlooks(chosen: Q | None = None) -> list[Outlook]:
    """Every environment, or those that are chosen; the ones with problems come as the others by name."""
    rows = Environment.objects.select_related("project", "current_release").order_by("project__name", "name")
    environments = list(rows.filter(chosen) if chosen else rows)
    facts = _Facts.gathered(Q(environment__in=environments) if chosen else Q())
    return [_outlook(row, facts) for row in environments]


def outlook_of(row: Environment) -> Outlook:
    """Of one environment."""
    return outlooks(Q(pk=row.pk))[0]


@dataclass(frozen=True)
class _Facts:
    last: dict[int, Operation]
    running: dict[int, Operation]
    drift: dict[int, list[dict[str, Any]]]
    backups: dict[tuple[int, str, str], datetime]
    watched: dict[int, list[tuple[str, dict[str, str]]]]
    drills: dict[int, Drill]
    has_storage: bool

    @classmethod
    def gathered(cls, about: Q) -> _Facts:
        """Of the environments that records have to be about."""
        operations = Operation.objects.filter(about).exclude(environment=None)
        ended = operations.filter(kind__in=DEPLOYMENTS, state__in=_ENDED)
        # Where the key is missing, a comparison alone is neither true nor false, and would leave the row out.
        real = ended.exclude(params__has_key="dry_run", params__dry_run=True)
        newest = real.values("environment").annotate(newest=Max("id"))
        last = Operation.objects.filter(pk__in=[each["newest"] for each in newest])
        running = operations.filter(state=Operation.State.RUNNING)
        good = Backup.objects.filter(about, problem="").values_list("environment_id", "service", "repository")
        drilled = Drill.objects.filter(about).values("environment").annotate(newest=Max("id"))
        drills = drilled.values_list("newest", flat=True)
        watched: dict[int, list[tuple[str, dict[str, str]]]] = {}
        for database in SavedDatabase.objects.filter(about):
            watched.setdefault(database.environment_id, []).append(
                (database.service, database.watch.get("problems", {}))
            )
        for files in SavedEnvironment.objects.filter(about):
            watched.setdefault(files.environment_id, []).append(("", files.watch.get("problems", {})))
        return cls(
            last={row.environment_id: row for row in last if row.environment_id},
            running={
                row.environment_id: row
                for row in running.exclude(kind__in=(*queries.COMMANDS, "plan"))
                if row.environment_id
            },
            drift=drifts.found_everywhere(),
            backups={row[:3]: row[3] for row in good.annotate(newest=Max("stopped_at")).order_by()},
            watched=watched,
            drills={row.environment_id: row for row in Drill.objects.filter(pk__in=list(drills))},
            has_storage=continuity.newest_storage() is not None,
        )


def _outlook(row: Environment, facts: _Facts) -> Outlook:
    release = row.current_release
    databases = _databases(release)
    where = "offsite" if facts.has_storage else "local"
    saved = [facts.backups.get((row.pk, name, where)) for name in databases]
    last, running, drill = facts.last.get(row.pk), facts.running.get(row.pk), facts.drills.get(row.pk)
    problems = _problems(row, facts, last, drill) if release else ()
    return Outlook(
        row=row,
        status=_status(release, running, problems),
        last=last,
        running=running,
        databases=databases,
        saved_at=min((each for each in saved if each), default=None) if all(saved) else None,
        is_offsite=facts.has_storage,
        drill=drill,
        problems=problems,
    )


def _databases(release: Release | None) -> tuple[str, ...]:
    if release is None:
        return ()
    services = spec_of(release).services.items()
    return tuple(
        name
        for name, service in services
        if isinstance(service, PostgresService) and continuity.backs_up(release, service)
    )


def _problems(
    row: Environment, facts: _Facts, last: Operation | None, drill: Drill | None
) -> tuple[Problem, ...]:
    found = []
    place = f"{row.project.name} / {row.name}"
    if last and last.state == Operation.State.FAILED:
        text = _("The last deployment failed; the release before it still serves.")
        found.append(Problem(place, text, f"/operations/{last.pk}/"))
    for service, problems in facts.watched.get(row.pk, []):
        named = f"{place} / {service}" if service else place
        found += [
            Problem(named, text, address_of(row, "data/"), "bad" if _is_loss(name) else "warn")
            for name, text in problems.items()
        ]
    if drill and not drill.is_good:
        found.append(Problem(place, _("The last restore drill was not good."), address_of(row, "data/")))
    if facts.drift.get(row.pk):
        found.append(Problem(place, _("Something was changed by hand."), address_of(row, "#drift")))
    return tuple(found)


def _is_loss(kind: str) -> bool:
    """Whether data that is written now would be lost with the server."""
    return kind in {"archive", "database", "stream"}


def _status(release: Release | None, running: Operation | None, problems: tuple[Problem, ...]) -> Status:
    if running and running.kind in UNDER_WAY:
        return Status("busy", UNDER_WAY[running.kind])
    if release is None:
        return Status("off", _("Nothing deployed"))
    if any(each.tone == "bad" for each in problems):
        return Status("bad", _("Data at risk"))
    if problems:
        return Status("warn", _("Needs attention"))
    return Status("ok", pgettext_lazy("environment", "Live"))


def storage_problems() -> list[Problem]:
    """What is wrong with the off-site storage, for its owners: a kit that nobody said to have kept."""
    row = continuity.newest_storage()
    if row is None or continuity.is_kit_stored(row):
        return []
    text = _("The recovery kit is not kept elsewhere yet.")
    return [Problem("Havre", text, "/settings/storage/#kit")]


def server_problems() -> list[Problem]:
    """What is wrong with Havre itself."""
    seen = worker_seen_seconds()
    if seen is not None and seen <= WORKER_LATE:
        return []
    text = _(
        "The worker gives no sign of life: nothing is deployed or backed up. Applications go on serving."
    )
    return [Problem("Havre", text, "/activity/", "bad")]
