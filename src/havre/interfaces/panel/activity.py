"""What was done: operations of every environment, the newest first."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering, words
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page, render
from havre.records.models import Environment, Operation

_PAGE: Final = 50
_LONGEST: Final = 18


@needs(Need.SIGNED_IN)
@require_safe
@page
def show(request: HttpRequest) -> HttpResponse:
    """A page of them: ``environment`` (``project/name``), ``kind``, ``state`` choose, ``before`` goes on."""
    chosen = {key: request.GET.get(key, "") for key in ("environment", "kind", "state")}
    caller = caller_of(request)
    rows = Operation.objects.filter(gathering.seen_by(caller, "environment__project__name"))
    project, _slash, environment = chosen["environment"].partition("/")
    if project:
        rows = rows.filter(environment__project__name=project, environment__name=environment)
    if chosen["kind"] in words.KINDS:
        rows = rows.filter(kind=chosen["kind"])
    if chosen["state"] in words.OPERATIONS:
        rows = rows.filter(state=chosen["state"])
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) <= _LONGEST:
        rows = rows.filter(id__lt=int(before))
    found = list(rows.select_related("environment__project").order_by("-id")[: _PAGE + 1])
    environments = Environment.objects.filter(gathering.seen_by(caller)).select_related("project")
    context: dict[str, Any] = {
        "operations": found[:_PAGE],
        "older": found[_PAGE - 1].pk if len(found) > _PAGE else None,
        "chosen": chosen,
        "is_chosen": any(chosen.values()),
        "environments": [
            f"{each.project.name}/{each.name}" for each in environments.order_by("project__name", "name")
        ],
        "kinds": sorted(words.KINDS.items(), key=lambda each: str(each[1])),
        "states": [(key, each.word) for key, each in words.OPERATIONS.items()],
        "section": "activity",
    }
    return render(request, "activity.html", context)
