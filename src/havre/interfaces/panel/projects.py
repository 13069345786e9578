"""Projects: one from a Git address, its environments, the key that opens its repository, its beginning."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import BeforeValidator

from havre.adapters import sealing
from havre.adapters.git import deploy_keys
from havre.config import config
from havre.domain import repository_address
from havre.domain.access import Action
from havre.errors import ConflictError, HavreError
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.problems import NotFoundError
from havre.interfaces.api.schemas import Ref, Source, Subfolder, Wanted, is_git_url
from havre.interfaces.panel import fields, gathering
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.manifest.values import Name
from havre.manifest.wording import fail
from havre.records import configuration, queries
from havre.records.models import Environment, Project


def _elsewhere(source: str) -> str:
    if source.startswith("/"):
        raise fail(
            _("A folder of the server can be deployed by its administrator only."),
            _("Write a Git address; a folder is deployed on the server itself, by havre deploy."),
        )
    if "@" not in source.partition("://")[2] and not is_git_url(source):  # a password is told by Source
        raise fail(_("This is not a Git address."), _("Write it by https, ssh, or as git@host:path."))
    return source


GitAddress = Annotated[Source, BeforeValidator(_elsewhere)]


class Repository(Wanted):
    """Where the repository of a project is."""

    source: GitAddress
    subfolder: Subfolder | Literal[""] = ""


class NewEnvironment(Wanted):
    """An environment, and what is deployed to it first (without ``ref``, the manifest's branch)."""

    environment: Name
    ref: Ref | None = None


class NewProject(NewEnvironment, Repository):
    """A project from a Git address."""

    name: Name


LABELS: Final = {
    "source": gettext_lazy("Git address"),
    "name": gettext_lazy("Name"),
    "environment": gettext_lazy("Environment"),
    "ref": gettext_lazy("Branch, tag or commit"),
    "subfolder": gettext_lazy("Folder of havre.yaml"),
}


@needs(Action.CREATE_PROJECT)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    """A project from a Git address; its first deployment begins on the page that follows."""
    if request.method != "POST":
        return _new(request, {"environment": "production"}, {})
    sent = {name: request.POST.get(name, "").strip() for name in LABELS}
    sent["name"] = sent["name"] or (repository_address.project_name(sent["source"]) if sent["source"] else "")
    wanted, wrong = fields.read(NewProject, {**sent, "ref": sent["ref"] or None}, LABELS)
    if wanted is None:
        return _new(request, sent, wrong)
    try:
        with transaction.atomic():
            if Project.objects.filter(name=wanted.name).exists():
                raise ConflictError(
                    _("There is a project %(name)s already.") % {"name": wanted.name},
                    hint=_("Choose another name, or add an environment to that one."),
                )
            queries.ensure_environment(
                wanted.name, wanted.environment, source=wanted.source, subfolder=wanted.subfolder
            )
            note(request, Action.CREATE_PROJECT, wanted.name, wanted.environment, source=wanted.source)
    except HavreError as error:
        return _new(request, sent, fields.of(error, "name", LABELS["name"]))
    return _to_beginning(wanted.name, wanted.environment, wanted.ref)


def _new(request: HttpRequest, sent: dict[str, str], wrong: fields.Errors) -> HttpResponse:
    context = {"sent": sent, "errors": wrong, "section": "overview"}
    return render(request, "project_new.html", context, status=422 if wrong else 200)


@needs(Action.SEE)
@require_safe
@page
def show(request: HttpRequest, project: str) -> HttpResponse:
    """A project: its environments, where its repository is, the key that opens it."""
    return _project(request, _row(project))


@needs(Action.DEPLOY)
@require_POST
@page
def move(request: HttpRequest, project: str) -> HttpResponse:
    """Name another address of the repository, which the next deployment reads."""
    row = _row(project)
    sent = {name: request.POST.get(name, "").strip() for name in ("source", "subfolder")}
    wanted, wrong = fields.read(Repository, sent, LABELS)
    if wanted is None:
        return _project(request, row, repository=sent, errors=wrong)
    with transaction.atomic():
        Project.objects.filter(pk=row.pk).update(source=wanted.source, subfolder=wanted.subfolder)
        note(request, Action.DEPLOY, project, source=wanted.source, subfolder=wanted.subfolder)
    return redirect("project", project=project)


@needs(Action.DEPLOY)
@require_POST
@page
def add_environment(request: HttpRequest, project: str) -> HttpResponse:
    """One more environment of the project; its first deployment begins on the page that follows."""
    row = _row(project)
    sent = {name: request.POST.get(name, "").strip() for name in ("environment", "ref")}
    wanted, wrong = fields.read(NewEnvironment, {**sent, "ref": sent["ref"] or None}, LABELS)
    if wanted is None:
        return _project(request, row, sent=sent, errors=wrong)
    try:
        with transaction.atomic():
            if Environment.objects.filter(project=row, name=wanted.environment).exists():
                raise ConflictError(
                    _("There is an environment %(name)s already.") % {"name": wanted.environment},
                    hint=_("Choose another name."),
                )
            queries.ensure_environment(project, wanted.environment, source="")
            note(request, Action.DEPLOY, project, wanted.environment, name="new")
    except HavreError as error:
        wrong = fields.of(error, "environment", LABELS["environment"])
        return _project(request, row, sent=sent, errors=wrong)
    return _to_beginning(project, wanted.environment, wanted.ref)


@needs(Action.SET_DEPLOY_KEY)
@require_POST
@page
def key(request: HttpRequest, project: str) -> HttpResponse:
    """Make a pair of keys, of which the private one is sealed at once; or with ``forget``, forget it."""
    row = _row(project)
    forgets = "forget" in request.POST
    with transaction.atomic():
        if forgets:
            configuration.set_deploy_key(project, None)
        else:
            private, public = deploy_keys.make(f"havre-{project}")
            sealed = sealing.seal(config().paths.public_key, private.encode())
            configuration.set_deploy_key(project, sealed, public=public)
        what = "forget" if forgets else "make"
        note(request, Action.SET_DEPLOY_KEY, project, what=what)
    environment = row.environments.filter(name=request.POST.get("then", "")).first()
    if environment is not None:
        return _to_beginning(project, environment.name, request.POST.get("ref") or None)
    return redirect("project", project=project)


@needs(Action.SEE)
@require_safe
@page
def begin(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """What is still to be done before the first deployment, and the button that begins it."""
    row = lookup.environment(project, environment)
    if row.current_release_id:
        return redirect("environment", project=project, environment=environment)
    may = caller_of(request).may
    address = row.project.source
    context = {
        "row": row,
        "ref": request.GET.get("ref", "")[:250],
        "can": {
            "deploy": may(Action.DEPLOY, project),
            "set_key": may(Action.SET_DEPLOY_KEY, project),
        },
        "section": "overview",
        **_opening(row.project, address),
    }
    return render(request, "begin.html", context)


def _project(
    request: HttpRequest,
    row: Project,
    *,
    sent: dict[str, str] | None = None,
    repository: dict[str, str] | None = None,
    errors: fields.Errors | None = None,
) -> HttpResponse:
    may = caller_of(request).may
    wanted = gathering.seen_by(caller_of(request)) & Q(project=row)
    context = {
        "project": row,
        "outlooks": gathering.outlooks(wanted),
        "sent": sent or {},
        "repository": repository or {"source": row.source, "subfolder": row.subfolder},
        "errors": errors or {},
        "can": {
            "deploy": may(Action.DEPLOY, row.name),
            "set_key": may(Action.SET_DEPLOY_KEY, row.name),
        },
        "section": "overview",
        **_opening(row, row.source),
    }
    return render(request, "project.html", context, status=422 if errors else 200)


def _opening(row: Project, address: str) -> dict[str, Any]:
    """How the repository is opened."""
    return {
        "is_ssh": repository_address.is_ssh(address),
        "over_ssh": repository_address.over_ssh(address),
        "key_page": repository_address.key_page(address),
        "has_key": row.sealed_deploy_key is not None,
        "public_key": row.deploy_key_public,
    }


def _row(project: str) -> Project:
    row = Project.objects.filter(name=project).first()
    if row is None:
        raise NotFoundError(_("There is no such project."))
    return row


def _to_beginning(project: str, environment: str, ref: str | None) -> HttpResponse:
    answer = redirect("begin", project=project, environment=environment)
    if ref:
        answer["Location"] += "?" + urlencode({"ref": ref})
    return answer
