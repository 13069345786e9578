"""One's own tokens of the API: they may at most what one may oneself."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from havre.domain.access import Grants, Role
from havre.errors import ConflictError
from havre.interfaces.api.access import caller_of
from havre.interfaces.panel import pages
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page
from havre.interfaces.panel.words import ROLES
from havre.records import audit_log
from havre.records.models import Project, Token, User
from havre.records.tokens import create_token, revoke_token

_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._@ -]{0,98}[A-Za-z0-9])?\Z"
_EVERYWHERE = "everywhere"


class NewToken(forms.Form):
    """What a token may, and for how long."""

    name = forms.CharField(label=_("Name"), max_length=100, validators=[RegexValidator(_NAME)])
    days = forms.IntegerField(label=_("Days until it expires"), min_value=1, max_value=365, initial=90)
    role = forms.ChoiceField(label=_("Role"), choices=list(ROLES.items()), initial=Role.VIEWER.value)
    projects = forms.MultipleChoiceField(label=_("Where"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, held: Grants, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._held = held
        names = Project.objects.order_by("name").values_list("name", flat=True)
        choices = [(name, name) for name in names if held.role_in(name)]
        if held.server is not None:
            choices.insert(0, (_EVERYWHERE, str(_("the whole server"))))
        self.fields["projects"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse more than one has oneself."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "role" in cleaned and "projects" in cleaned and not self.grants().within(self._held):
            raise ValidationError(_("A token cannot have a higher role than you have there."))
        return cleaned

    def grants(self) -> Grants:
        """What the token is to have."""
        role, chosen = Role(self.cleaned_data["role"]), set(self.cleaned_data["projects"])
        server = role if _EVERYWHERE in chosen else None
        return Grants(server, dict.fromkeys(sorted(chosen - {_EVERYWHERE}), role))


@needs(Need.SIGNED_IN)
@require_safe
@page
def listing(request: HttpRequest) -> HttpResponse:
    """One's own tokens: what they may, when they end, when and from where they were used."""
    rows = Token.objects.filter(owner=cast("User", request.user)).order_by("name")
    found = rows.prefetch_related("grants__project")
    return pages.render(request, "accounts/tokens.html", {"tokens": found, "section": "account"})


@needs(Need.SIGNED_IN, proof=True)
@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Make a token; its text is on the page that answers, and nowhere else."""
    caller = caller_of(request)
    form = NewToken(caller.grants, request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, days = form.cleaned_data["name"], form.cleaned_data["days"]
        try:
            with transaction.atomic():
                row, text = create_token(
                    name,
                    days=days,
                    grants=form.grants(),
                    owner=cast("User", request.user),
                    actor=caller.actor,
                )
                audit_log.record(caller.by, "create token", details={"name": name, "days": days})
        except ConflictError as error:
            form.add_error("name", error.message)
        else:
            return render(request, "panel/accounts/token_made.html", {"token": row, "text": text})
    return render(request, "panel/accounts/token_new.html", {"form": form})


@needs(Need.SIGNED_IN)
@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Make one of one's own tokens invalid, at once; 404 for anybody else's."""
    user = cast("User", request.user)
    row = Token.objects.filter(pk=number, owner=user).first()
    if row is None:
        raise Http404
    with transaction.atomic():
        revoke_token(row.name, owner=user)
        audit_log.record(caller_of(request).by, "revoke token", details={"name": row.name})
    return redirect("account_tokens")
