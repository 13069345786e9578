"""Doing something: a form becomes the API's own request and goes the API's way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import TypeAdapter, ValidationError

from havre.domain import consent
from havre.domain.access import OPERATIONS, Action
from havre.domain.consent import Asks
from havre.errors import HavreError, UsageError
from havre.interfaces.api import lookup, operations, requests
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.permissions import permit, project_of
from havre.interfaces.api.problems import NotFoundError
from havre.interfaces.panel import environment as environments
from havre.interfaces.panel import gathering
from havre.interfaces.panel.forms import FORMS, Form
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.manifest import PostgresService
from havre.records import queries
from havre.records.models import Environment, Release

_WANTED: Final[TypeAdapter[Any]] = TypeAdapter(requests.WantedOperation)


@needs(Action.SEE)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def ask(request: HttpRequest, project: str, environment: str, kind: str) -> HttpResponse:
    """The form of an action; when it is sent, the operation is queued and its page shown."""
    row = lookup.environment(project, environment)
    form = FORMS.get(kind)
    if form is None:
        raise NotFoundError(_("there is no such action"))
    permit(caller_of(request), form.needs, project)
    if request.method != "POST":
        return _form(request, row, form)
    try:
        number = _start(request, row, form)
    except HavreError as error:
        return _form(request, row, form, error)
    return go_to(request, number)


@needs(Need.LATER)
@require_POST
@page
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Ask an operation to stop."""
    operation = lookup.operation(number, caller_of(request))
    with transaction.atomic():
        operations.cancel(request, number)
        environment = operation.environment.name if operation.environment else ""
        told = {"number": str(number), "kind": operation.kind}
        note(request, Action.CANCEL, project_of(operation), environment, **told)
    return go_to(request, number)


def _start(request: HttpRequest, row: Environment, form: Form) -> int:
    """Queue the operation, or the one that only shows what would be done; its number."""
    kind, params = form.kind, form.parse(request.POST, row)
    if form.dry and "dry" in request.POST:
        _words, kind, more = form.dry
        params |= more
    elif request.POST.get("confirm") and consent.RULES[kind].asks is not Asks.NEVER:
        params["confirm"] = request.POST["confirm"].strip()
    return enqueue(request, kind, row.project.name, row.name, params)


def enqueue(request: HttpRequest, kind: str, project: str, environment: str, params: dict[str, Any]) -> int:
    """Queue an operation as the API does, and note it; its number.

    Raises:
        UsageError: the API does not take these parameters; what is wrong is told for each of them.
        HavreError: as the API refuses it.
    """
    document = {"kind": kind, "project": project, "environment": environment, "params": params}
    try:  # as JSON, for that is what the API reads: a moment is text there
        wanted = _WANTED.validate_python(document)
    except ValidationError as error:
        wrong = error.errors(include_input=False)[:3]
        raise UsageError("; ".join(f"{_where(each['loc'])}: {each['msg']}" for each in wrong)) from error
    with transaction.atomic():
        number = int(operations.enqueue(request, wanted).value["id"])
        note(request, OPERATIONS[kind], project, environment, kind=kind, number=str(number))
    return number


def go_to(request: HttpRequest, number: int) -> HttpResponse:
    """On to the page of an operation."""
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": f"/operations/{number}/"})
    return redirect("operation", number=number)


def _form(
    request: HttpRequest, row: Environment, form: Form, error: HavreError | None = None
) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    rule = consent.RULES[form.kind]
    is_protected = queries.is_protected(row)
    context = {
        "row": row,
        "form": form,
        "error": error,
        "sent": sent,
        "asks": is_protected and rule.asks is not Asks.NEVER,
        "asks_always": rule.asks is Asks.ALWAYS,
        "section": "overview",
        **_choices(row, form, sent),
    }
    is_dialog = "HX-Request" in request.headers
    context["in_dialog"] = is_dialog
    part = "action_part.html" if is_dialog else "action.html"
    return render(request, part, context, status=422 if error else 200)


def _choices(row: Environment, form: Form, sent: Mapping[str, str]) -> dict[str, Any]:
    """What can be chosen in a form."""
    live = row.current_release
    if live is None:
        return {}
    services = gathering.spec_of(live).services
    if form.kind == "rollback":
        earlier = [each for each in queries.served_releases(row)[:20] if each.pk != live.pk]
        wanted = sent.get("release", "")
        target = next((each for each in earlier if str(each.number) == wanted), queries.previous_release(row))
        return {"releases": earlier, "target": target, **_difference(live, target)}
    if form.kind in {"backup", "restore", "drill"}:
        return {"databases": [name for name, each in services.items() if isinstance(each, PostgresService)]}
    apps = {name: each for name, each in services.items() if not isinstance(each, PostgresService)}
    counts = {name: row.replicas.get(name) or getattr(each, "replicas", 1) for name, each in apps.items()}
    return {"services": counts, "apps": [name for name, each in services.items() if each.kind == "app"]}


def _difference(live: Release, target: Release | None) -> dict[str, Any]:
    """What a rollback would change: the commits that are undone, and what differs."""
    if target is None:
        return {}
    low, high = sorted((target.number, live.number))
    between = live.environment.releases.filter(number__gt=low, number__lte=high).exclude(live_at=None)
    differences = environments.changes_between(live, target)
    return {
        "undone": list(between.order_by("-number")) if target.number < live.number else [],
        "fields": [(field.path, *field.shown()) for field in differences[:40]],
    }


def _where(location: tuple[str | int, ...]) -> str:
    return ".".join(str(each) for each in location if each not in consent.RULES and each != "params")
