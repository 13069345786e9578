"""People with an account: their roles, inviting, shutting out and removing them."""

from __future__ import annotations

from typing import Any, Final

from allauth.mfa.models import Authenticator
from django import forms
from django.core.validators import RegexValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from havre.domain.access import Action, Grants, Role
from havre.errors import HavreError
from havre.interfaces.api import people
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.interfaces.panel.words import ROLES
from havre.records import accounts
from havre.records.models import Project, User
from havre.records.models.accounts import USERNAME

_SERVER: Final = "server"
_PROJECT: Final = "project."
"""Names of the fields of roles; a project's name follows the second one."""


class Roles(forms.Form):
    """A role on the server, and one in each project; none is a role too."""

    def __init__(self, *arguments: Any, held: Grants | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        held = held or Grants()
        none = [("", _("no role"))]
        self.fields[_SERVER] = forms.ChoiceField(
            label=_("The whole server"), choices=[*none, *ROLES.items()], required=False, initial=held.server
        )
        for name in Project.objects.order_by("name").values_list("name", flat=True):
            self.fields[_PROJECT + name] = forms.ChoiceField(
                label=name,
                choices=[*none, *ROLES.items()],
                required=False,
                initial=(held.projects or {}).get(name),
            )

    def grants(self) -> Grants:
        """What was chosen."""
        chosen = {name: Role(value) for name, value in self.cleaned_data.items() if value in set(Role)}
        projects = {
            name.removeprefix(_PROJECT): role for name, role in chosen.items() if name.startswith(_PROJECT)
        }
        return Grants(chosen.get(_SERVER), projects)

    @property
    def role_fields(self) -> list[forms.BoundField]:
        """Those of roles, the server's first."""
        return [self[name] for name in self.fields if name == _SERVER or name.startswith(_PROJECT)]


class Invitation(Roles):
    """A name, and roles."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        validators=[RegexValidator(USERNAME, _("Small letters, digits, . _ and -"))],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        help_text=_("By this they sign in: small letters, digits, . _ and -"),
    )


@needs(Action.MANAGE_USERS)
@require_safe
@page
def listing(request: HttpRequest) -> HttpResponse:
    """Everybody with an account."""
    rows = User.objects.prefetch_related("grants__project").order_by("username")
    secured = set(Authenticator.objects.values_list("user_id", flat=True))
    shown = [{"row": row, "is_secured": row.pk in secured, "status": _status(row, secured)} for row in rows]
    return _render(request, "settings/people.html", {"people": shown})


@needs(Action.MANAGE_USERS, proof=True)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def invite(request: HttpRequest) -> HttpResponse:
    """Make an account, and show the link by which its owner comes in for the first time."""
    form = Invitation(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _render(request, "settings/invite.html", {"form": form})
    caller, name, wanted = caller_of(request), form.cleaned_data["name"], form.grants()
    try:
        with transaction.atomic():
            people.within(caller, wanted)
            row = accounts.create_user(name, wanted)
            link = people.link_for(row, caller)
            _note(request, name, "invite", wanted)
    except HavreError as error:
        form.add_error(None, error.message)
        return _render(request, "settings/invite.html", {"form": form}, status=422)
    return _show_link(request, link, is_new=True)


@needs(Action.MANAGE_USERS, proof=True)
@require_http_methods(["GET", "HEAD", "POST"])
@page
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Somebody's roles, which can be changed."""
    row = people.named(name)
    form = Roles(request.POST or None, held=accounts.all_grants().get(row.pk))
    context = {"person": row, "form": form, "is_me": row.pk == caller_of(request).user_id}
    if request.method != "POST" or not form.is_valid():
        return _render(request, "settings/person.html", context)
    try:
        with transaction.atomic():
            people.give(caller_of(request), row, form.grants())
            _note(request, name, "change roles", form.grants())
    except HavreError as error:
        return _render(request, "settings/person.html", {**context, "error": error}, status=422)
    return redirect("people")


@needs(Action.MANAGE_USERS, proof=True)
@require_POST
@page
def link(request: HttpRequest, name: str) -> HttpResponse:
    """A new link for who lost the password; with ``forget`` also for who lost the second factor."""
    row, forgets = people.named(name), "forget" in request.POST
    with transaction.atomic():
        made = people.link_for(row, caller_of(request), forgets_factors=forgets)
        _note(request, name, "make a link that forgets factors" if forgets else "make a link")
    return _show_link(request, made, is_new=False)


@needs(Action.MANAGE_USERS, proof=True)
@require_POST
@page
def change(request: HttpRequest, name: str) -> HttpResponse:
    """Shut somebody out (``do=lock``), let them in again (``unlock``), or remove the account (``remove``)."""
    row, wanted = people.named(name), request.POST.get("do", "")
    try:
        with transaction.atomic():
            if wanted == "remove" and request.POST.get("confirm", "").strip() == name:
                accounts.remove_user(row)
            elif wanted in {"lock", "unlock"}:
                people.let_in(row, active=wanted == "unlock")
            else:
                return redirect("person", name=name)
            _note(request, name, wanted)
    except HavreError as error:
        form = Roles(held=accounts.all_grants().get(row.pk))
        return _render(
            request, "settings/person.html", {"person": row, "form": form, "error": error}, status=422
        )
    return redirect("people")


def _status(row: User, secured: set[int]) -> str:
    if not row.is_active:
        return "locked"
    if not row.has_usable_password():
        return "invited"
    return "ready" if row.pk in secured else "unfinished"


def _show_link(request: HttpRequest, made: dict[str, Any], *, is_new: bool) -> HttpResponse:
    url = request.build_absolute_uri(made["url"])
    context = {"name": made["name"], "url": url, "expires_at": made["expires_at"], "is_new": is_new}
    answer = _render(request, "settings/link.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _note(request: HttpRequest, name: str, did: str, wanted: Grants | None = None) -> None:
    details: dict[str, Any] = {"did": did, "name": name}
    if wanted is not None:
        roles = {"": wanted.server, **(wanted.projects or {})}
        details["roles"] = {project: role.value for project, role in roles.items() if role}
    note(request, Action.MANAGE_USERS, **details)


def _render(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    return render(request, template, {**context, "section": "settings", "tab": "people"}, status=status)
