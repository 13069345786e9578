"""The link that lets somebody in for the first time, and what is told when a form is refused."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core.ratelimit import consume
from allauth.mfa.models import Authenticator
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from havre.interfaces.api.access import address_of
from havre.interfaces.panel.guard import Need, needs
from havre.records import accounts, audit_log
from havre.records.audit_log import By
from havre.records.models import SignInLink, User


@needs(Need.NOTHING)
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@never_cache
def welcome(request: HttpRequest, text: str) -> HttpResponse:
    """Set a password by a link, once, and go on to the second factor.

    Looking at the page does not use the link up: programs that preview links look too.
    """
    if not consume(request, action="login"):
        return render(request, "panel/accounts/slow_down.html", status=429)
    link = accounts.link_of(text)
    if link is None:
        return render(request, "panel/accounts/link_is_over.html", status=404)
    form: SetPasswordForm[User] = SetPasswordForm(link.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not _take(request, link, form):
            return render(request, "panel/accounts/link_is_over.html", status=404)
        login = Login(user=link.user, redirect_url=reverse("mfa_index"))
        answer: HttpResponse = perform_password_login(request, {"username": link.user.username}, login)
        return answer
    return render(request, "panel/accounts/welcome.html", {"form": form, "link": link})


@transaction.atomic
def _take(request: HttpRequest, link: SignInLink, form: SetPasswordForm[User]) -> bool:
    """Use the link up and set the password; False if it was used a moment before."""
    if not accounts.use_link(link):
        return False
    form.save()  # which ends every session of before
    if link.forgets_factors:
        Authenticator.objects.filter(user=link.user).delete()
    by = By(link.user.username, "link", address_of(request), link.user.pk)
    audit_log.record(by, "set password", details={"forgets_factors": link.forgets_factors})
    return True


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """A form that did not come from one of Havre's own pages, or came from one of a session that is over."""
    return render(request, "panel/accounts/stale_form.html", status=403)
