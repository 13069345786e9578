"""Whether the data is safe: databases, their copies, moments to return to, drills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from havre.domain.access import Action
from havre.domain.schedule import Schedule
from havre.errors import HavreError
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering
from havre.interfaces.panel.asking import ask
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page, render
from havre.records import continuity, drills, queries, verifications
from havre.records.models import Backup, Dump, Environment
from havre.records.planned_backups import planned_backups

_PATIENCE: Final = 20.0  # seconds; the off-site storage is asked
_SHOWN: Final = 12
_DRILLS: Final = 12


@dataclass(frozen=True)
class Mark:
    """Something on the line of time; ``x`` is where, as SVG takes it."""

    x: str
    what: str
    at: datetime
    label: str


@dataclass(frozen=True)
class Line:
    """What one can return to of a database in one repository: any moment from ``first`` on."""

    service: str
    repository: str
    first: datetime | None
    x: str
    width: str
    marks: tuple[Mark, ...]
    points: tuple[Mark, ...]


@needs(Need.SIGNED_IN)
@require_safe
@page
def everywhere(request: HttpRequest) -> HttpResponse:
    """Every environment, and how well it is saved."""
    caller = caller_of(request)
    found = gathering.outlooks(gathering.seen_by(caller))
    storage = continuity.newest_storage()
    context = {
        "outlooks": [each for each in found if each.release],
        "storage": storage,
        "names_storage": caller.may(Action.MANAGE_STORAGE),
        "kit_stored": storage is not None and continuity.is_kit_stored(storage),
        "section": "data",
    }
    return render(request, "data_everywhere.html", context)


@needs(Action.SEE)
@require_safe
@page
def show(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Of one environment, from the records."""
    row = lookup.environment(project, environment)
    may = caller_of(request).may
    outlook = gathering.outlook_of(row)
    backups = list(Backup.objects.filter(environment=row).order_by("-stopped_at")[:500])
    dumps = list(Dump.objects.filter(environment=row).order_by("-stopped_at")[:100])
    history = drills.history(row, limit=_DRILLS)
    now = timezone.now()
    planned = planned_backups(row).values() if row.current_release else ()
    times = [(each.name, Schedule(each.job.schedule, each.job.timezone).after(now)) for each in planned]
    read_back = verifications.shown(row)
    context = {
        "row": row,
        "outlook": outlook,
        "lines": _lines(row, outlook.databases, backups, dumps, now),
        "backups": backups[:_SHOWN],
        "dumps": dumps[:_DRILLS],
        "drills": history,
        "next": min((at for _name, at in times if at), default=None),
        "read_back": read_back["at"] and datetime.fromisoformat(read_back["at"]),
        "can": {
            "back_up": may(Action.BACK_UP, project),
            "drill": may(Action.DRILL, project),
            "restore": may(Action.RESTORE, project),
        },
        "see_variables": may(Action.READ_VARIABLES, project),
        "section": "data",
        "tab": "data",
        "protected": queries.is_protected(row),
    }
    return render(request, "data.html", context)


@needs(Action.SEE)
@require_safe
@page
def measured(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """What would be lost with this server now, as the databases and repositories say themselves."""
    row = lookup.environment(project, environment)
    try:
        late = "the repositories take long to answer"
        answer, silent = ask(row, "backups", patience=_PATIENCE, late=late), None
    except HavreError as error:
        answer, silent = {"databases": []}, error
    return render(request, "measured_part.html", {"saved": answer, "silent": silent})


def _lines(
    row: Environment, databases: Iterable[str], backups: list[Backup], dumps: list[Dump], now: datetime
) -> list[Line]:
    """One line for each repository of each database, all on the same scale."""
    good = [each for each in backups if not each.problem]
    ends = [each.stopped_at for each in good] + [each.stopped_at for each in dumps]
    begin = min(ends, default=now)
    length = max((now - begin).total_seconds(), 1.0)

    def x(at: datetime) -> str:
        return f"{100 * (at - begin).total_seconds() / length:.2f}%"

    points = [
        (service, Mark(x(at), "point", at, f"release {release.number}"))
        for release in row.releases.exclude(restore_point=None).order_by("number")
        for service, at in _points(release.restore_point or {})
        if begin <= at <= now
    ]
    found = []
    for service in databases:
        for repository in ("offsite", "local"):
            own = [each for each in good if (each.service, each.repository) == (service, repository)]
            if not own:
                continue
            first = min(each.stopped_at for each in own)
            marks = [Mark(x(each.stopped_at), each.kind, each.stopped_at, each.label) for each in own]
            marks += [
                Mark(x(each.stopped_at), "dump", each.stopped_at, each.snapshot[:8])
                for each in dumps
                if (each.service, each.repository) == (service, repository)
            ]
            width = f"{100 * (now - first).total_seconds() / length:.2f}%"
            own_points = tuple(mark for name, mark in points if name == service and mark.at >= first)
            found.append(Line(service, repository, first, x(first), width, tuple(marks), own_points))
    return found


def _points(restore_point: dict[str, Any]) -> Iterable[tuple[str, datetime]]:
    for service, point in (restore_point.get("databases") or {}).items():
        if "at" in point:
            yield service, datetime.fromisoformat(point["at"])
