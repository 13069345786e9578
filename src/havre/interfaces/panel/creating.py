"""A new project or environment, out of the address of its repository."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from havre.domain.access import Action
from havre.errors import HavreError
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import gathering
from havre.interfaces.panel.actions import enqueue, go_to
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.pages import page, render
from havre.records.models import Project

_FIELDS: Final = ("project", "environment", "source", "subfolder", "ref")


@needs(Action.CREATE_PROJECT)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    """The form; when it is sent, the plan or the first deployment is queued and its page shown."""
    sent = request.POST if request.method == "POST" else request.GET
    given = {name: sent.get(name, "").strip() for name in _FIELDS}
    context: dict[str, Any] = {
        "sent": given,
        "known": Project.objects.filter(gathering.seen_by(caller_of(request), "name")).order_by("name"),
        "section": "overview",
    }
    if request.method != "POST":
        return render(request, "new.html", context)
    params = {"source": given["source"] or None, "subfolder": given["subfolder"], "ref": given["ref"] or None}
    kind = "plan" if "dry" in sent else "deploy"
    try:
        number = enqueue(request, kind, given["project"], given["environment"], params)
    except HavreError as error:
        return render(request, "new.html", {**context, "error": error}, status=422)
    return go_to(request, number)
