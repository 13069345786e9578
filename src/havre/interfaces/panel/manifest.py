"""The manifest of an environment: the file, what follows from it, and an editor that leads to a plan."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from havre.domain.access import Action
from havre.errors import HavreError
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.permissions import permit
from havre.interfaces.panel import actions, gathering
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.pages import page, render
from havre.manifest import InvalidManifest, Problem, load
from havre.manifest.place import spec_for, text_of
from havre.manifest.schema import sample_yaml
from havre.manifest.yaml_source import LARGEST_BYTES
from havre.records import manifests, queries
from havre.records.models import Environment, ManifestText

_LONGEST_ID: Final = 18
_ROWS: Final = 40


@needs(Action.READ_VARIABLES)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def show(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """The file in an editor and what follows from it; sent, it is checked and a plan of it is made."""
    row = lookup.environment(project, environment)
    if request.method != "POST":
        found = _asked_for(request, row) or manifests.newest(row)
        return _show(request, row, found.text if found else "", found=found)
    permit(caller_of(request), Action.PLAN, project)
    text, ref = _sent(request), request.POST.get("ref", "").strip()
    problems = problems_of(text, row)
    if problems:
        return _show(request, row, text, ref=ref, problems=problems)
    try:
        params = {"ref": ref or None, "manifest": text}
        number = actions.enqueue(request, "plan", project, environment, params)
    except HavreError as error:
        return _show(request, row, text, ref=ref, error=error)
    return actions.go_to(request, number)


@needs(Action.READ_VARIABLES)
@require_POST
@page
def check(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Everything that is wrong with a text, as a part of the page."""
    row = lookup.environment(project, environment)
    text = _sent(request)
    context = {"problems": problems_of(text, row), "is_checked": True}
    return render(request, "manifest_problems.html", context)


def problems_of(text: str, row: Environment) -> tuple[Problem, ...]:
    """What is wrong with a text as the manifest of an environment, by line."""
    try:
        spec_for(load(text), row.project.name, row.name)
    except InvalidManifest as error:
        return error.problems
    except HavreError as error:
        return (Problem("", None, None, error.message, error.hint),)
    return ()


def _sent(request: HttpRequest) -> str:
    """The text, with the line ends that files have; browsers send others."""
    return request.POST.get("manifest", "").replace("\r\n", "\n")


def _asked_for(request: HttpRequest, row: Environment) -> ManifestText | None:
    """The text of the operation of ``of``, to go on with it."""
    number = request.GET.get("of", "")
    if not number.isdecimal() or len(number) > _LONGEST_ID:
        return None
    return ManifestText.objects.filter(environment=row, operation=int(number)).first()


def _show(
    request: HttpRequest,
    row: Environment,
    text: str,
    *,
    found: ManifestText | None = None,
    ref: str = "",
    problems: tuple[Problem, ...] = (),
    error: HavreError | None = None,
) -> HttpResponse:
    release = row.current_release
    live = manifests.of_release(release) if release else None
    shown = text or sample_yaml()
    lines = shown.count("\n") + 1 if len(shown) <= LARGEST_BYTES else 0  # what is too large is only sent back
    context: dict[str, Any] = {
        "row": row,
        "outlook": gathering.outlook_of(row),
        "text": shown,
        "lines": range(1, lines + 1),
        "rows": lines or _ROWS,
        "is_sample": not text,
        "found": found,
        "live": live,
        "effective": text_of(gathering.spec_of(release)) if release else "",
        "ref": ref or (release.ref if release else ""),
        "problems": problems,
        "error": error,
        "can_plan": caller_of(request).may(Action.PLAN, row.project.name),
        "protected": queries.is_protected(row),
        "section": "overview",
        "tab": "manifest",
    }
    return render(request, "manifest.html", context, status=422 if problems or error else 200)
