"""The page of an environment: its services, its releases, what was done, what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.config import config
from havre.domain.access import Action
from havre.domain.fields import Field, differences
from havre.errors import HavreError
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering, words
from havre.interfaces.panel.asking import ask
from havre.interfaces.panel.comparing import facts_of
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.pages import fragment, page, render
from havre.manifest import PostgresService
from havre.records import drifts, queries
from havre.records.image_needs import kept_numbers
from havre.records.models import Environment, Operation, Release

_PATIENCE: Final = 1.5  # seconds that a page waits for the engine
_PIPS: Final = 8
_RELEASES: Final = 15
_OPERATIONS: Final = 10


@dataclass(frozen=True)
class ServiceRow:
    """A service as the page shows it; ``running`` is None where nobody could be asked."""

    name: str
    kind: str
    wanted: int
    running: int | None
    status: words.Status | None
    image: str
    limits: str
    urls: tuple[str, ...] = ()
    release: int | None = None
    weight: int | None = None
    error: str = ""

    @property
    def pips(self) -> list[str]:
        """A dot for each replica, full where it runs; none where there are many or nobody knows."""
        most = max(self.wanted, self.running or 0)
        if self.running is None or most > _PIPS:
            return []
        return ["on" if number < self.running else "off" for number in range(most)]


@needs(Action.SEE)
@require_safe
@page
def show(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The whole page."""
    row = lookup.environment(project, environment)
    may = caller_of(request).may
    outlook = gathering.outlook_of(row)
    releases = list(row.releases.order_by("-number")[:_RELEASES])
    restorable = kept_numbers(row, config().keep_releases) if releases else frozenset()
    operations = (
        Operation.objects.filter(environment=row)
        .exclude(kind__in=gathering.ROUTINE)
        .select_related("environment__project")
        .order_by("-id")[:_OPERATIONS]
    )
    context = {
        "outlook": outlook,
        "row": row,
        "releases": [_shown(each, restorable) for each in releases],
        "operations": list(operations),
        "drift": drifts.found(row),
        "protected": queries.is_protected(row),
        "can": {
            "deploy": may(Action.DEPLOY, project),
            "operate": may(Action.OPERATE, project),
            "run": may(Action.RUN, project),
        },
        "see_variables": may(Action.READ_VARIABLES, project),
        "section": "overview",
        "tab": "environment",
        **_services(row),
    }
    return render(request, "environment.html", context)


@needs(Action.SEE)
@require_safe
@page
def services(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The table of services, which asks for itself again."""
    row = lookup.environment(project, environment)
    return fragment(request, "services_part.html", {"row": row, **_services(row)})


def _shown(release: Release, restorable: frozenset[int]) -> dict[str, Any]:
    is_back = release.state == Release.State.SUPERSEDED and release.number in restorable
    return {"row": release, "status": words.RELEASES[release.state], "can_return": is_back}


def _services(row: Environment) -> dict[str, Any]:
    release = row.current_release
    if release is None:
        return {"services": [], "silent": None}
    spec = gathering.spec_of(release)
    limits = {name: _limits(service) for name, service in spec.services.items()}
    try:
        answer = ask(row, "ps", patience=_PATIENCE, late="the engine takes long to answer")
    except HavreError as error:
        return {"services": _recorded(release, limits), "silent": error}
    rows = [_live(each, limits) for each in answer["rows"]]
    return {"services": sorted(rows, key=lambda each: (each.name, each.release or 0)), "silent": None}


def _live(each: Mapping[str, Any], limits: Mapping[str, str]) -> ServiceRow:
    status = words.SERVICES.get(each["state"], words.Status("off", each["state"]))
    if each["running"] < each["replicas"] and each["error"]:
        status = words.Status("bad", words.STEPS["failed"].word)
    return ServiceRow(
        name=each["service"],
        kind=each["kind"],
        wanted=each["replicas"],
        running=each["running"],
        status=status,
        image=each["image"],
        limits=limits.get(each["service"], ""),
        urls=tuple(each["urls"]),
        release=each["release"],
        weight=each.get("weight"),
        error=each["error"],
    )


def _recorded(release: Release, limits: Mapping[str, str]) -> list[ServiceRow]:
    """What the release says, where the engine cannot be asked."""
    return [
        ServiceRow(
            name=name,
            kind=service.kind,
            wanted=release.replicas.get(name) or getattr(service, "replicas", 1) or 1,
            running=None,
            status=None,
            image=release.images.get(name, "") or _version(service),
            limits=limits[name],
        )
        for name, service in sorted(gathering.spec_of(release).services.items())
    ]


def _version(service: object) -> str:
    return f"PostgreSQL {service.version}" if isinstance(service, PostgresService) else ""


def _limits(service: Any) -> str:
    resources = getattr(service, "resources", None)
    limits = resources.limits if resources else None
    if limits is None:
        return ""
    memory = f"{limits.memory / 1024**2:.0f} MiB" if limits.memory else ""
    cpus = f"{limits.cpus:g} CPU" if limits.cpus else ""
    return ", ".join(filter(None, (cpus, memory)))


def changes_between(before: Release | None, after: Release) -> tuple[Field, ...]:
    """What differs between two releases."""
    return differences(facts_of(before) if before else {}, facts_of(after))
