"""Every token of the server; one's own are a page of the account."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from havre.domain.access import Action
from havre.interfaces.panel.guard import needs
from havre.interfaces.panel.noting import note
from havre.interfaces.panel.pages import page, render
from havre.records.models import Token
from havre.records.tokens import revoke_token


@needs(Action.MANAGE_TOKENS)
@require_safe
@page
def listing(request: HttpRequest) -> HttpResponse:
    """What each may, whose it is, when it was used."""
    rows = Token.objects.select_related("owner").prefetch_related("grants__project").order_by("name")
    context = {"tokens": rows, "section": "settings", "tab": "tokens"}
    return render(request, "settings/tokens.html", context)


@needs(Action.MANAGE_TOKENS, proof=True)
@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Make one invalid, at once."""
    row = Token.objects.filter(pk=number).first()
    if row is None:
        raise Http404
    with transaction.atomic():
        revoke_token(row.name)
        note(request, Action.MANAGE_TOKENS, name=row.name)
    return redirect("server-tokens")
