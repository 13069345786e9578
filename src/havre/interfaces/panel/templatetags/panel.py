"""What the panel's templates write often: a status, a moment, a span of time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from havre.domain.continuity.objectives import shown
from havre.domain.fields import HIDDEN
from havre.interfaces.panel import words
from havre.records.models import Step

register = template.Library()
_JUST_NOW = 60  # seconds
_NOTHING = "\N{EN DASH}"
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""The first that fits: https://developer.mozilla.org/docs/Web/HTTP/Guides/Browser_detection_using_the_user_agent."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS X", "macOS"),
    ("Windows", "Windows"),
    ("Linux", "Linux"),
)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of the sprite, for eyes only."""
    address = static("panel/icons.svg")
    return format_html(
        '<svg class="icon icon-{}" aria-hidden="true" width="16" height="16"><use href="{}#{}"/></svg>',
        name,
        address,
        name,
    )


@register.simple_tag
def status(state: words.Status) -> SafeString:
    """Shape and word, so that no colour has to be told from another."""
    return format_html('<span class="status {}">{}{}</span>', state.tone, icon(state.tone), state.word)


@register.filter
def operation_status(state: str) -> words.Status:
    """How an operation stands."""
    return words.operation(state)


@register.filter
def step_status(state: str) -> words.Status:
    """How a step stands."""
    return words.STEPS[state]


@register.filter
def kind(name: str) -> Any:
    """The word for a kind of operation."""
    return words.kind(name)


@register.filter
def role(name: str) -> Any:
    """The word for a role."""
    return words.ROLES.get(name, name)


@register.filter
def account_status(name: str) -> words.Status:
    """How an account stands."""
    return words.ACCOUNTS[name]


@register.filter
def audit_action(name: str) -> Any:
    """What was done; an action that has no word shows its own."""
    return words.DONE.get(name, name)


@register.filter
def audit_status(name: str) -> words.Status:
    """Whether it was done or refused."""
    return words.OUTCOMES.get(name, words.Status("off", name))


@register.filter
def audit_way(name: str) -> Any:
    """How somebody came in."""
    return words.WAYS.get(name, name)


@register.filter
def audit_details(details: dict[str, Any]) -> str:
    """What an entry says beside, as the command line writes it."""
    shown = {
        key: value
        for key, value in details.items()
        if key != "request" and value not in ("", None, [], False)
    }
    return ", ".join(f"{key}: {_flat(value)}" for key, value in shown.items())


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key or '*'}={each}" for key, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


@register.filter
def browser(text: str) -> str:
    """The browser and system that a ``User-Agent`` names, as far as people tell them apart."""
    program = next((name for sign, name in _BROWSERS if sign in text), "")
    system = next((name for sign, name in _SYSTEMS if sign in text), "")
    return " · ".join(filter(None, (program, system))) or _("Unknown")


@register.filter
def repository(name: str) -> Any:
    """The word for where copies are."""
    return words.REPOSITORIES.get(name, name)


@register.filter
def backup_type(name: str) -> Any:
    """The word for a kind of backup."""
    return words.BACKUPS.get(name, name)


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """How long ago, with the moment itself for who points at it."""
    if at is None:
        return _NOTHING
    local = timezone.localtime(at)
    moment = formats.date_format(local, "DATETIME_FORMAT")
    seconds = (timezone.now() - at).total_seconds()
    span = timesince(at, depth=1)
    text = _("just now") if seconds < _JUST_NOW else _("%(span)s ago") % {"span": span}
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), moment, text)


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A moment in the reader's zone."""
    if at is None:
        return _NOTHING
    local = timezone.localtime(at)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), plain_moment(at))


@register.filter
def plain_moment(at: datetime) -> str:
    """The same as mere text; the year only where it is another one."""
    local = timezone.localtime(at)
    is_this_year = local.year == timezone.localtime().year
    # As Django's own formats: another language may want another order, or small letters.
    form = pgettext("date", "j M, H:i") if is_this_year else pgettext("date", "j M Y, H:i")
    return formats.date_format(local, form)


@register.filter
def clock(at: datetime) -> str:
    """The time of the day, to the second."""
    return timezone.localtime(at).strftime("%H:%M:%S")


@register.filter
def span(seconds: float | None) -> str:
    """A span of time in two units at most."""
    return shown(float(seconds)) if isinstance(seconds, int | float) else _NOTHING


@register.filter
def short(commit: str) -> str:
    """A commit as people name it."""
    return commit[:8]


@register.filter
def image_name(text: str) -> str:
    """An image's id or digest, short enough to be compared by eye."""
    head, _sign, digest = text.rpartition("sha256:")
    return f"{head}sha256:{digest[:12]}" if _sign else text


@register.filter
def plan_value(text: str) -> str:
    """A value of a plan as people see it, without what the server does not tell."""
    return _("(hidden)") if text.startswith(HIDDEN) else image_name(text)


@register.filter
def took(step: Step) -> str:
    """How long a step took; empty while it does."""
    if step.started_at is None or step.finished_at is None:
        return ""
    return shown(max(0.0, (step.finished_at - step.started_at).total_seconds()))
