"""The audit log: who did what, when and from where."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.domain.access import Action
from havre.interfaces.api import people
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page, render
from havre.records.models import Project

_PAGE: Final = 50
_LONGEST: Final = 18


@needs(Need.LATER)
@require_safe
@page
def show(request: HttpRequest) -> HttpResponse:
    """A page of it: ``project`` and ``actor`` choose, ``before`` goes on. Its export is the API's."""
    caller = caller_of(request)
    names = Project.objects.order_by("name").values_list("name", flat=True)
    projects = [name for name in names if caller.may(Action.READ_AUDIT, name)]
    chosen = {"project": request.GET.get("project", ""), "actor": request.GET.get("actor", "")[:100].strip()}
    if chosen["project"] not in projects:
        chosen["project"] = ""
    told = request.GET.get("before", "")
    before = int(told) if told.isdecimal() and len(told) <= _LONGEST else None
    rows = people.readable(caller, chosen["project"] or None, chosen["actor"], None, before or None)
    found = list(rows[: _PAGE + 1])
    context: dict[str, Any] = {
        "entries": found[:_PAGE],
        "older": found[_PAGE - 1].pk if len(found) > _PAGE else None,
        "chosen": chosen,
        "is_chosen": any(chosen.values()),
        "projects": projects,
        "section": "settings",
        "tab": "audit",
    }
    return render(request, "settings/audit.html", context)
