"""The guard of the panel's pages. A page that does not say what it takes answers nobody.

A view says so by :func:`needs`; allauth's own pages and Django's files are in :data:`PAGES`, by name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

from allauth.account.decorators import reauthentication_required
from allauth.mfa.utils import is_mfa_enabled
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode

from havre.domain.access import RULES, Action, Reach
from havre.interfaces.api.access import Caller, address_of
from havre.records.accounts import grants_of
from havre.records.models import User

V = TypeVar("V", bound=Callable[..., Any])


class Need(StrEnum):
    """What a page takes that is about nothing of a project or the server."""

    NOTHING = "anybody"
    ACCOUNT = "a signed-in user, even before the second factor is set up"
    SIGNED_IN = "a signed-in user with a second factor, who is shown only what they may see"
    LATER = "the same; the view asks by the operation's number"


NEEDS: Final = "havre_needs"
"""Attribute of a view: a :class:`Need` or an :class:`~havre.domain.access.Action`."""

PAGES: Final[dict[str, Need]] = {
    "healthz": Need.NOTHING,
    "account_login": Need.NOTHING,
    "account_logout": Need.NOTHING,
    "mfa_authenticate": Need.NOTHING,
    "mfa_login_webauthn": Need.NOTHING,
    "account_reauthenticate": Need.ACCOUNT,
    "mfa_reauthenticate": Need.ACCOUNT,
    "mfa_reauthenticate_webauthn": Need.ACCOUNT,
    "account_change_password": Need.SIGNED_IN,
    "mfa_index": Need.ACCOUNT,
    "mfa_activate_totp": Need.ACCOUNT,
    "mfa_deactivate_totp": Need.SIGNED_IN,
    "mfa_add_webauthn": Need.ACCOUNT,
    "mfa_list_webauthn": Need.SIGNED_IN,
    "mfa_edit_webauthn": Need.SIGNED_IN,
    "mfa_remove_webauthn": Need.SIGNED_IN,
    "mfa_view_recovery_codes": Need.SIGNED_IN,
    "mfa_generate_recovery_codes": Need.SIGNED_IN,
    "mfa_download_recovery_codes": Need.SIGNED_IN,
}
"""What pages that are not Havre's own take."""


def needs(need: Need | Action, *, proof: bool = False) -> Callable[[V], V]:
    """Decorate a view with what it takes. An action in a project takes it from the argument ``project``.

    Args:
        need: what it takes.
        proof: whether who asks must have given a factor in the last minutes. They are asked for it, and what
            they sent is done afterwards: by allauth, which goes around the guard, so it is decided once more.
    """

    def mark(view: V) -> V:
        marked = cast("V", reauthentication_required(_decided(view, need))) if proof else view
        setattr(marked, NEEDS, need)
        return marked

    return mark


def _decided(view: Callable[..., Any], need: Need | Action) -> Callable[..., Any]:
    @functools.wraps(view)
    def shown(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
        caller: Caller | None = getattr(request, "caller", None)
        if caller is None:
            return redirect("mfa_index")
        refusal = None if isinstance(need, Need) else _decide(request, caller, need, named.get("project"))
        return refusal or cast("HttpResponseBase", view(request, *arguments, **named))

    return shown


def need_of(view: object, name: str) -> Need | Action | None:
    """What a view takes; None if nobody said."""
    return getattr(view, NEEDS, None) or PAGES.get(name)


class Guard(MiddlewareMixin):
    """Django middleware, the innermost: it knows the view and who is signed in."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _arguments: Any, named: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Nothing if the page may be shown, else what is answered instead."""
        if request.path.startswith("/api/") or request.path == "/metrics":
            return None  # see havre.interfaces.api.access and permissions
        match = request.resolver_match
        need = need_of(view, match.view_name if match else "")
        if need is Need.NOTHING:
            return None
        user = request.user
        if not isinstance(user, User):
            return _to_sign_in(request)
        if not is_mfa_enabled(user):  # nothing else of the panel is shown, or named in its navigation
            return None if need is Need.ACCOUNT else redirect("mfa_index")
        caller = Caller(user.username, grants_of(user), "session", address_of(request), user.pk)
        request.caller = caller  # type: ignore[attr-defined] # as havre.interfaces.api.access does
        if isinstance(need, Need):
            return None
        return _decide(request, caller, need, named.get("project"))


def _decide(
    request: HttpRequest, caller: Caller, need: Need | Action | None, project: str | None
) -> HttpResponse | None:
    if not isinstance(need, Action):
        return refuse(request)
    if caller.may(need, project):
        return None
    if RULES[need].reach is Reach.PROJECT and not (project and caller.may(Action.SEE, project)):
        raise Http404
    return refuse(request)


def refuse(request: HttpRequest) -> HttpResponse:
    """The page that says no."""
    return render(request, "panel/accounts/refused.html", status=403)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if "HX-Request" in request.headers:  # a part of a page: the page as a whole is asked for again
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    answer = redirect("account_login")
    wanted = request.get_full_path()
    if request.method == "GET" and wanted != "/":
        answer["Location"] += "?" + urlencode({"next": wanted})
    return answer
