"""Where somebody is signed in, and ending that."""

from __future__ import annotations

from typing import cast

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from havre.interfaces.api.access import caller_of
from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import page, render
from havre.records import audit_log
from havre.records.models import User


@needs(Need.SIGNED_IN)
@require_safe
@page
def listing(request: HttpRequest) -> HttpResponse:
    """One's own sessions, the newest first."""
    found = UserSession.objects.purge_and_list(cast("User", request.user))
    rows = sorted(found, key=lambda row: row.created_at, reverse=True)
    return render(request, "accounts/sessions.html", {"sessions": rows, "section": "account"})


@needs(Need.SIGNED_IN)
@require_POST
def end(request: HttpRequest, number: int) -> HttpResponse:
    """End one of one's own sessions; 404 for anybody else's."""
    row = UserSession.objects.filter(pk=number, user=cast("User", request.user)).first()
    if row is None:
        raise Http404
    _end(request, [row])
    return redirect("account_sessions")


@needs(Need.SIGNED_IN, proof=True)
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions but this one."""
    rows = UserSession.objects.filter(user=cast("User", request.user))
    _end(request, [row for row in rows if not row.is_current()])
    return redirect("account_sessions")


@transaction.atomic
def _end(request: HttpRequest, rows: list[UserSession]) -> None:
    for row in rows:
        row.end()
    audit_log.record(caller_of(request).by, "end sessions", details={"number": len(rows)})
