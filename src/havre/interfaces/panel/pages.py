"""How every page is answered: rendered, compressed, not sent again where nothing changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, cast
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.gzip import gzip_page

from havre.domain.access import Action
from havre.errors import HavreError
from havre.interfaces.api.access import Caller
from havre.interfaces.api.problems import ForbiddenError, NotFoundError

THEME: Final = "havre_theme"
ZONE: Final = "havre_timezone"
_TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
"""Another one in each answer, and each as good as the other."""
THEMES: Final = ("auto", "light", "dark")
_NOT_THERE: Final = gettext_lazy("There is no such page, or you may not see it.")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The time zone that the browser told, else UTC."""
    name = request.COOKIES.get(ZONE, "")
    return ZoneInfo(name) if name in _zones() else ZoneInfo("UTC")


def _zones() -> frozenset[str]:
    if not _KNOWN:
        _KNOWN.append(frozenset(available_timezones()))
    return _KNOWN[0]


_KNOWN: list[frozenset[str]] = []


def page(view: View[P]) -> View[P]:
    """Decorate a view: times in the reader's zone, errors as pages, compressed.

    A browser keeps what it got and asks whether it is still so; signing out empties what it kept.
    """

    @wraps(view)
    def shown(request: HttpRequest, *arguments: P.args, **named: P.kwargs) -> HttpResponse:
        with timezone.override(zone_of(request)):
            try:
                answer = view(request, *arguments, **named)
            except NotFoundError as error:
                answer = failure(request, error, status=404, title=_("Not found"))
            except ForbiddenError as error:
                answer = failure(request, error, status=403, title=_("Not allowed"))
            except HavreError as error:
                answer = failure(request, error, status=422, title=_("This did not work"))
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(answer, ("Cookie",))
        return answer

    return cast("View[P]", gzip_page(shown))


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A template as an answer; 304 where the browser has the same already."""
    text = render_to_string(f"panel/{template}", dict(context), request)
    answer = HttpResponse(text, status=status)
    if request.method in {"GET", "HEAD"} and status == 200:  # noqa: PLR2004 - as HTTP names it
        etag = f'W/"{fingerprint(_TOKEN.sub("", text))}"'
        answer["ETag"] = etag
        known = get_conditional_response(request, etag=etag, response=answer)
        return known if isinstance(known, HttpResponse) else answer
    return answer


def fragment(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """A part of a page that asks for itself again; 204 where it is still as it was (``seen``)."""
    text = render_to_string(f"panel/{template}", {**context, "seen": "SEEN"}, request)
    seen = fingerprint(text)
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return HttpResponse(text.replace("SEEN", seen, 1))


def fingerprint(text: str) -> str:
    """Short, and different for another text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def failure(request: HttpRequest, error: HavreError, *, status: int, title: str) -> HttpResponse:
    """A page that says what happened, and the remedy."""
    return render(request, "failure.html", {"title": title, "error": error}, status=status)


@page
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """Django's page for what is not there, and for what somebody may not know to be there.

    It asks the records nothing: Django calls it in a thread that has no connection to them.
    """
    return failure(request, NotFoundError(str(_NOT_THERE)), status=404, title=_("Not found"))


def _settings(caller: Caller) -> list[tuple[str, str, str]]:
    """Pages of the settings that somebody may see: its key, its route, its name."""
    pages = (
        ("people", "people", _("People"), caller.may(Action.MANAGE_USERS)),
        ("tokens", "server-tokens", _("Tokens"), caller.may(Action.MANAGE_TOKENS)),
        ("storage", "storage", _("Off-site storage"), caller.may(Action.MANAGE_STORAGE)),
        ("audit", "audit", _("Audit log"), caller.may_somewhere(Action.READ_AUDIT)),
    )
    return [(key, route, name) for key, route, name, may in pages if may]


def common(request: HttpRequest) -> dict[str, Any]:
    """Django's context processor: what every page shows, those of accounts too; ``actor`` only who is in."""
    theme = request.COOKIES.get(THEME, "auto")
    caller: Caller | None = getattr(request, "caller", None)
    return {
        "theme": theme if theme in THEMES else "auto",
        "zone": str(zone_of(request)),
        "actor": caller.actor if caller else "",
        "settings": _settings(caller) if caller else [],
        "path": request.get_full_path(),
    }
