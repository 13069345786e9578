"""The first-run guide: from an empty server to a deployed application."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.config import config
from havre.domain.access import Action
from havre.domain.first_run import Facts, is_over, stages
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.pages import page, render
from havre.records import continuity
from havre.records.models import Environment


@needs(Action.CREATE_PROJECT)
@require_safe
@page
def show(request: HttpRequest) -> HttpResponse:
    """Each thing to do, ticked where it is done."""
    found = facts()
    first = Environment.objects.filter(current_release=None).exclude(project__source="").order_by("id")
    context = {
        "stages": {str(task): str(stage) for task, stage in stages(found).items()},
        "is_over": is_over(found),
        "domain": config().domain,
        "waiting": first.select_related("project").first(),
        "live": Environment.objects.exclude(current_release=None).select_related("project").first(),
        "can_store": caller_of(request).may(Action.MANAGE_STORAGE),
        "section": "overview",
    }
    return render(request, "guide.html", context)


def facts() -> Facts:
    """What is so on this server."""
    storage = continuity.newest_storage()
    return Facts(
        domain=bool(config().domain),
        storage=storage is not None,
        kit=storage is not None and continuity.is_kit_stored(storage),
        project=Environment.objects.exclude(project__source="").exists(),
        deployment=Environment.objects.exclude(current_release=None).exists(),
    )
