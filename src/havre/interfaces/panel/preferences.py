"""How somebody reads the panel: light or dark, which language. Kept in cookies of the browser."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from havre.interfaces.panel.guard import Need, needs
from havre.interfaces.panel.pages import THEME, THEMES, page

_YEAR: Final = 365 * 24 * 3600


@needs(Need.NOTHING)
@require_POST
@page
def choose(request: HttpRequest) -> HttpResponse:
    """Take ``theme`` or ``language``, and go back to the page of ``next``."""
    wanted = request.POST.get("next", "/")
    own = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    answer = HttpResponseRedirect(wanted if own else "/")
    theme, language = request.POST.get("theme"), request.POST.get("language")
    if theme in THEMES:
        answer.set_cookie(THEME, theme, max_age=_YEAR, samesite="Lax", httponly=True)
    if language in dict(settings.LANGUAGES):
        name = settings.LANGUAGE_COOKIE_NAME
        answer.set_cookie(name, language, max_age=_YEAR, samesite="Lax", httponly=True)
    return answer
