"""The overview: whether all is well, what changed, whether the data is safe."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.domain.access import Action
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import fragment, page, render
from havre.records.models import Operation

_RECENT: Final = 8


@needs(Need.SIGNED_IN)
@require_safe
@page
def show(request: HttpRequest) -> HttpResponse:
    """The whole page."""
    return render(request, "overview.html", _context(request))


@needs(Need.SIGNED_IN)
@require_safe
@page
def part(request: HttpRequest) -> HttpResponse:
    """What of it changes by itself."""
    return fragment(request, "overview_part.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    found = gathering.outlooks(gathering.seen_by(caller_of(request)))
    problems = gathering.server_problems() + [problem for each in found for problem in each.problems]
    if caller_of(request).may(Action.MANAGE_STORAGE):
        problems += gathering.storage_problems()
    seen = [each.row.pk for each in found]
    recent = (
        Operation.objects.filter(environment__in=seen)
        .exclude(kind__in=gathering.ROUTINE)
        .select_related("environment__project")
        .order_by("-id")[:_RECENT]
    )
    return {
        "outlooks": found,
        "problems": sorted(problems, key=lambda problem: problem.tone != "bad"),
        "recent": list(recent),
        "projects": len({each.row.project_id for each in found}),
        "can_create": caller_of(request).may(Action.CREATE_PROJECT),
        "section": "overview",
    }
