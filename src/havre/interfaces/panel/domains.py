"""The domains of an environment: what is routed where, and the certificates that are served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from havre.config import config
from havre.domain.access import Action
from havre.domain.served_certificates import Served, standing
from havre.errors import HavreError
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering, words
from havre.interfaces.panel.asking import ask
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.pages import page, render
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.records import queries

_PATIENCE: Final = 5.0  # seconds that a page waits for the worker


@dataclass(frozen=True)
class Route:
    """A host and path, the service that it leads to, and the address it is redirected to instead, if so."""

    host: str
    path: str
    service: str
    is_https: bool
    goes_to: str = ""

    @property
    def address(self) -> str:
        """As a browser has it."""
        return f"{'https' if self.is_https else 'http'}://{self.host}{self.path}"


@needs(Action.SEE)
@require_safe
@page
def show(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Routes from the records, certificates as the router serves them now."""
    row = lookup.environment(project, environment)
    release = row.current_release
    found = routes(gathering.spec_of(release)) if release else []
    silent = None
    certificates: list[dict[str, Any]] = []
    if any(route.is_https for route in found):
        try:
            late = "the router takes long to answer"
            certificates = ask(row, "certificates", patience=_PATIENCE, late=late)["rows"]
        except HavreError as error:
            silent = error
    now = timezone.now()
    context = {
        "row": row,
        "outlook": gathering.outlook_of(row),
        "routes": found,
        "certificates": [_shown(each, now) for each in certificates],
        "silent": silent,
        "own_domain": config().domain,
        "see_variables": caller_of(request).may(Action.READ_VARIABLES, project),
        "protected": queries.is_protected(row),
        "section": "overview",
        "tab": "domains",
    }
    return render(request, "domains.html", context)


def routes(spec: EnvironmentSpec) -> list[Route]:
    """What is routed where, by host and path."""
    found = []
    for name, service in spec.services.items():
        if not isinstance(service, AppService | StaticService):
            continue
        for domain in service.domains:
            scheme = "https" if domain.https else "http"
            found += [Route(domain.host, path, name, domain.https) for path in domain.paths]
            found += [
                Route(host, "/", name, domain.https, f"{scheme}://{domain.host}")
                for host in domain.redirect_from
            ]
    return sorted(found, key=lambda route: (route.host, route.path))


def _shown(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    served = Served(
        row["host"],
        tuple(row["names"]),
        datetime.fromisoformat(row["begins"]) if row["begins"] else None,
        datetime.fromisoformat(row["ends"]) if row["ends"] else None,
        row["issuer"],
        row["is_trusted"],
        row["problem"],
    )
    days = (served.ends - now).days if served.ends else None
    return {"served": served, "status": words.CERTIFICATES[standing(served, now)], "days": days}
