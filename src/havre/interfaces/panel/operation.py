"""The page of an operation: its steps, what it wrote, how it ended."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from havre.domain import access, plan
from havre.interfaces.api import lookup
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.permissions import project_of
from havre.interfaces.panel import gathering
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page, render
from havre.records import manifests, queries
from havre.records.models import Event, Operation

LINES: Final = 1000
"""The newest lines that the page begins with."""
_SIGNS: Final = {
    plan.Action.CREATE: "+",
    plan.Action.UPDATE: "~",
    plan.Action.REPLACE: "-/+",
    plan.Action.DELETE: "-",
}


@needs(Need.LATER)
@require_safe
@page
def show(request: HttpRequest, number: int) -> HttpResponse:
    """The whole page; while it runs, an event stream goes on from the newest event on it."""
    caller = caller_of(request)
    operation = lookup.operation(number, caller)
    newest = Event.objects.filter(operation=operation).order_by("-id")
    last = newest.values_list("id", flat=True).first() or 0
    log = list(newest.filter(kind="log", id__lte=last)[: LINES + 1])
    context = {
        "operation": operation,
        "row": operation.environment,
        "steps": list(queries.steps_of(operation)),
        "log": log[:LINES][::-1],
        "is_cut": len(log) > LINES,
        "last": last,
        "plan": _plan(operation),
        "edited": _edited(caller, operation),
        "facts": _facts(operation),
        "can_cancel": not operation.is_final and may_cancel(caller, operation),
        "section": "activity",
    }
    return render(request, "operation.html", context)


def may_cancel(caller: Caller, operation: Operation) -> bool:
    """Whether somebody may ask it to stop: it takes the role that starting it does."""
    project = project_of(operation)
    starting = access.OPERATIONS.get(operation.kind)
    return caller.may(access.Action.CANCEL, project) and bool(starting and caller.may(starting, project))


def _edited(caller: Caller, operation: Operation) -> str:
    """The address of the editor with the text that it was given; empty if it read the repository's."""
    row = operation.environment
    if row is None or not manifests.given(operation):
        return ""
    may = caller.may(access.Action.READ_VARIABLES, row.project.name)
    return gathering.address_of(row, f"manifest/?of={operation.pk}") if may else ""


def _plan(operation: Operation) -> dict[str, Any] | None:
    """The plan that it made, with a sign for each change."""
    made = operation.result.get("plan")
    if operation.kind != "plan" or not made:
        return None
    changes = [{**change, "sign": _SIGNS.get(change["action"], "")} for change in made["changes"]]
    return {**made, "changes": changes, "is_drift_only": bool(operation.params.get("drift"))}


def _facts(operation: Operation) -> list[tuple[str, str]]:
    """What was asked for, in the words of the API, without what says nothing."""
    shown = {key: value for key, value in operation.params.items() if value not in (None, "", False, [], {})}
    hidden = {"plan", "confirm", "basis", "variables"}
    return [
        (key, " ".join(map(str, value)) if isinstance(value, list) else str(value))
        for key, value in shown.items()
        if key not in hidden
    ]
