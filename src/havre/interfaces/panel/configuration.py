"""Variables and secrets of an environment. A secret's value goes in and never comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from havre.domain.access import Action
from havre.domain.drift import looks_secret
from havre.errors import HavreError
from havre.interfaces.api import configuration as api
from havre.interfaces.api import lookup, schemas
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import fields, gathering
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.manifest import EnvironmentSpec, load
from havre.manifest.place import spec_for
from havre.manifest.values import EnvName, Name, is_name
from havre.operations.release_secrets import secrets_named
from havre.records import configuration as records
from havre.records import manifests, queries
from havre.records.models import Environment, Variable

LABELS: Final = {
    "name": _("Name"),
    "value": _("Value"),
    "service": _("Service"),
}


class OneVariable(schemas.Wanted):
    """A variable of a service, or with an empty one of every app."""

    service: Name | Literal[""] = ""
    name: EnvName
    value: schemas.Value


class OneSecret(schemas.Wanted):
    """A secret and its value."""

    name: Name
    value: schemas.SecretValue


@dataclass(frozen=True)
class Shown:
    """A variable as the page shows it; ``is_hidden``: its value looks like a secret's and is left out."""

    row: Variable
    is_hidden: bool


@needs(Action.READ_VARIABLES)
@require_safe
@page
def show(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """What people set; with ``show`` also values that look like secrets."""
    return _page(request, lookup.environment(project, environment))


@needs(Action.SET_VARIABLES)
@require_POST
@page
def set_variable(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Set one variable, for the next release."""
    row = lookup.environment(project, environment)
    sent = {
        "name": request.POST.get("name", "").strip(),
        "service": request.POST.get("service", ""),
        "value": request.POST.get("value", "").replace("\r\n", "\n"),
    }
    wanted, wrong = fields.read(OneVariable, sent, LABELS)
    if wanted is None:
        return _page(request, row, variable=sent, errors=wrong, about="variable")
    values = schemas.SetVariables(service=wanted.service, values={wanted.name: wanted.value})
    with transaction.atomic():
        api.set_variables(request, project, environment, values)
        told = {"service": wanted.service, "names": [wanted.name]}
        note(request, Action.SET_VARIABLES, project, environment, **told)
    return _back(row, "variables")


@needs(Action.SET_VARIABLES)
@require_POST
@page
def unset_variable(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Forget one variable; what the manifest says counts again."""
    row = lookup.environment(project, environment)
    service, name = request.POST.get("service", ""), request.POST.get("name", "")
    with transaction.atomic():
        if records.unset_variables(row, service, [name]):
            told = {"service": service, "names": [name], "what": "unset"}
            note(request, Action.SET_VARIABLES, project, environment, **told)
    return _back(row, "variables")


@needs(Action.SET_SECRETS)
@sensitive_post_parameters()
@require_POST
@page
def set_secret(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Seal a value at once, for the next release. It is not shown again, also not where it is refused."""
    row = lookup.environment(project, environment)
    name = request.POST.get("name", "").strip()
    value = request.POST.get("value") or request.POST.get("lines", "").replace("\r\n", "\n").removesuffix(
        "\n"
    )
    wanted, wrong = fields.read(OneSecret, {"name": name, "value": value}, LABELS)
    if wanted is None:
        return _page(request, row, secret={"name": name}, errors=wrong, about="secret")
    with transaction.atomic():
        made = api.set_secret(
            request, project, environment, wanted.name, schemas.SetSecret(value=wanted.value)
        )
        told = {"name": wanted.name, "version": made.version}
        note(request, Action.SET_SECRETS, project, environment, **told)
    return _back(row, "secrets")


@needs(Action.SET_SECRETS)
@require_POST
@page
def unset_secret(request: HttpRequest, project: str, environment: str) -> HttpResponse:
    """Hide a secret from the next release; earlier ones keep the versions that they name."""
    row = lookup.environment(project, environment)
    name = request.POST.get("name", "")
    with transaction.atomic():
        # The names of the passwords that Havre makes are none: no form takes one away from its database.
        if is_name(name) and records.unset_secret(row, name):
            note(request, Action.SET_SECRETS, project, environment, name=name, what="unset")
    return _back(row, "secrets")


def _page(
    request: HttpRequest,
    row: Environment,
    *,
    variable: dict[str, str] | None = None,
    secret: dict[str, str] | None = None,
    errors: fields.Errors | None = None,
    about: str = "",
) -> HttpResponse:
    caller, project = caller_of(request), row.project.name
    shows = "show" in request.GET
    spec = _spec(row)
    context: dict[str, Any] = {
        "row": row,
        "outlook": gathering.outlook_of(row),
        "variables": [
            Shown(each, not shows and looks_secret(each.name, each.value))
            for each in records.variables_of(row)
        ],
        "shows": shows,
        "services": sorted(name for name, each in spec.services.items() if each.kind == "app")
        if spec
        else [],
        "variable": variable or {"name": request.GET.get("name", ""), "service": ""},
        "secret": secret or {"name": request.GET.get("secret", "")},
        "variable_errors": errors if about == "variable" else {},
        "secret_errors": errors if about == "secret" else {},
        "can": {
            "set": caller.may(Action.SET_VARIABLES, project),
            "set_secrets": caller.may(Action.SET_SECRETS, project),
            "deploy": caller.may(Action.DEPLOY, project),
        },
        "sees_secrets": caller.may(Action.READ_SECRETS, project),
        "see_variables": True,
        "protected": queries.is_protected(row),
        "section": "overview",
        "tab": "settings",
    }
    if context["sees_secrets"]:
        note(request, Action.READ_SECRETS, project, row.name)
        known = records.newest_secrets(row)
        context["secrets"] = known
        set_ = {each.name for each in known if each.unset_at is None}
        context["missing"] = sorted(secrets_named(spec) - set_) if spec else []
    return render(request, "configuration.html", context, status=422 if errors else 200)


def _spec(row: Environment) -> EnvironmentSpec | None:
    """What the newest file that is known says, else what the live release has."""
    found = manifests.newest(row)
    if found is not None:
        try:
            return spec_for(load(found.text), row.project.name, row.name)
        except HavreError:
            pass  # an earlier Havre took it, or it describes other environments
    return gathering.spec_of(row.current_release) if row.current_release else None


def _back(row: Environment, part: str) -> HttpResponse:
    answer = redirect("settings", project=row.project.name, environment=row.name)
    answer["Location"] += f"#{part}"
    return answer
