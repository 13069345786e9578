"""Alerts: incidents, silences, and channels by which people are told, whose secrets never come out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field, SecretStr, StringConstraints

from havre.adapters import sealing
from havre.config import config
from havre.domain.access import Action
from havre.errors import UsageError
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.permissions import permit, visible_projects
from havre.interfaces.api.problems import NotFoundError
from havre.interfaces.api.schemas import Wanted
from havre.operations.alerting.channel_options import checked
from havre.operations.alerting.wording import LANGUAGES, message
from havre.records import alerting
from havre.records.models import Channel, Delivery, Incident, Silence

router = Router(tags=["alerts"])

_Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?_./-]{1,100}$")]
_ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
_TEST = "test"


class Alert(Schema):
    """An incident. ``over_at`` null: it lasts. ``lines``: the log's last then, for who may read it."""

    id: int
    kind: str
    place: str
    subject: str
    severity: str
    message: str
    flapping: bool
    began_at: datetime
    over_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    told: str
    lines: list[str]


class WantedSilence(Wanted):
    """A time in which nothing is told of what matches; in the future it is maintenance."""

    check: _Pattern = "*"
    place: _Pattern = "*"
    begins_at: datetime | None = None
    seconds: Annotated[int, Field(ge=60, le=90 * 86_400)]
    reason: Annotated[str, StringConstraints(max_length=300)] = ""


class StoredSilence(Schema):
    """A silence that was set, and by whom."""

    id: int
    check: str
    place: str
    begins_at: datetime
    ends_at: datetime
    reason: str
    actor: str


class WantedChannel(Wanted):
    """A way to tell people. ``secret``: a password, or the address; without it, the one of before stays."""

    kind: Literal["email", "apprise", "webhook", "heartbeat"]
    options: Annotated[dict[str, Any], Field(default_factory=dict)]
    secret: SecretStr | None = None
    language: Literal["en", "fr"] = "en"
    place: _Pattern = "*"
    least: Literal["warning", "critical"] = "warning"


class StoredChannel(Schema):
    """A channel without its secret. ``error``: of the newest delivery, empty if that was taken."""

    name: str
    kind: str
    options: dict[str, Any]
    has_secret: bool
    language: str
    place: str
    least: str
    taken_at: datetime | None
    error: str


class StoredDelivery(Schema):
    """A message to a channel. ``next_at`` null and ``taken_at`` null: it was given up.

    ``channel`` is ``on_failure`` where it goes to whom the manifest names.
    """

    id: int
    channel: str
    alert: int | None
    word: str
    attempts: int
    next_at: datetime | None
    taken_at: datetime | None
    error: str


@router.get("/alerts", response=list[Alert], summary="List alerts")
def alerts(
    request: HttpRequest,
    state: Literal["open", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    language: Literal["en", "fr"] = "en",
) -> list[dict[str, Any]]:
    """The newest first, of the projects that the caller may see; the server's to who may see that."""
    caller = caller_of(request)
    chosen = Incident.objects.select_related("environment__project").order_by("-began_at", "-pk")
    if state == "open":
        chosen = chosen.filter(over_at=None)
    if (seen := visible_projects(caller)) is not None:
        chosen = chosen.filter(environment__project__name__in=seen)
    return [_alert(row, language, caller) for row in chosen[:limit]]


@router.post("/alerts/{number}/acknowledge", response=Alert, summary="Acknowledge an alert")
def acknowledge(request: HttpRequest, number: int) -> dict[str, Any]:
    """Somebody takes it on: there are no reminders any more. Who did it first stays."""
    caller = caller_of(request)
    row = Incident.objects.select_related("environment__project").filter(pk=number).first()
    project = row.environment.project.name if row and row.environment else None
    if row is None or not caller.may(Action.SEE if project else Action.SEE_SERVER, project):
        raise NotFoundError(f"there is no alert {number}", hint="havre alert list --all")
    permit(caller, Action.OPERATE if project else Action.MANAGE_SILENCES, project)
    return _alert(alerting.acknowledge(row, caller.actor, timezone.now()), LANGUAGES[0], caller)


@router.get("/alert-silences", response=list[StoredSilence], summary="List silences")
def silences(request: HttpRequest) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Those that count now or will."""
    return [_silence(row) for row in Silence.objects.filter(ends_at__gt=timezone.now()).order_by("begins_at")]


@router.post("/alert-silences", response={201: StoredSilence}, summary="Silence alerts")
def silence(request: HttpRequest, wanted: WantedSilence) -> Status[dict[str, Any]]:
    """Nothing is told of what matches; what still lasts when it ends is told then."""
    begins = wanted.begins_at or timezone.now()
    if timezone.is_naive(begins):
        raise UsageError("begins_at needs a time zone", hint="2026-12-01T02:00:00Z")
    row = Silence.objects.create(
        check_kind=wanted.check,
        place=wanted.place,
        begins_at=begins,
        ends_at=begins + timedelta(seconds=wanted.seconds),
        reason=wanted.reason,
        actor=caller_of(request).actor,
    )
    return Status(201, _silence(row))


@router.delete("/alert-silences/{number}", response={204: None}, summary="End a silence")
def end_silence(request: HttpRequest, number: int) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """It counts no more, from now on."""
    if not Silence.objects.filter(pk=number).delete()[0]:
        raise NotFoundError(f"there is no silence {number}", hint="havre alert silences")
    return Status(204, None)


@router.get("/alert-channels", response=list[StoredChannel], summary="List channels")
def channels(request: HttpRequest) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Who is told, and whether that works."""
    return [_channel(row) for row in Channel.objects.order_by("name")]


@router.put("/alert-channels/{name}", response=StoredChannel, summary="Set a channel")
def set_channel(request: HttpRequest, name: _ChannelName, wanted: WantedChannel) -> dict[str, Any]:
    """Make a channel, or replace it."""
    caller = caller_of(request)
    before = Channel.objects.filter(name=name).first()
    # A password is for one host: another one, or another kind, needs its own.
    is_same = (
        before and before.kind == wanted.kind and before.options.get("host") == wanted.options.get("host")
    )
    sealed = before.sealed if before and is_same else None
    if wanted.secret is not None:
        checked(wanted.kind, wanted.options, wanted.secret.get_secret_value())
        sealed = sealing.seal(config().paths.public_key, wanted.secret.get_secret_value().encode())
    else:
        # What is sealed already was checked when it was; only its options are new.
        checked(wanted.kind, wanted.options, "https://kept.invalid" if sealed else "")
    row, _ = Channel.objects.update_or_create(
        name=name,
        defaults={
            "kind": wanted.kind,
            "options": wanted.options,
            "sealed": sealed,
            "language": wanted.language,
            "place": wanted.place,
            "least": wanted.least,
            "actor": caller.actor,
        },
    )
    return _channel(row)


@router.delete("/alert-channels/{name}", response={204: None}, summary="Remove a channel")
def remove_channel(request: HttpRequest, name: str) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """With all that waits for it."""
    _found(name).delete()
    return Status(204, None)


@router.post("/alert-channels/{name}/test", response={202: StoredDelivery}, summary="Test a channel")
def try_channel(request: HttpRequest, name: str) -> Status[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """The worker sends a message within seconds; ask for the delivery to see how it went."""
    row = Delivery.objects.create(channel=_found(name), word=_TEST)
    return Status(202, _delivery(row))


@router.get("/alert-deliveries", response=list[StoredDelivery], summary="List deliveries")
def deliveries(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    failed: bool = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """The newest first; with ``failed`` those that were not taken at their last attempt."""
    chosen = Delivery.objects.select_related("channel").order_by("-pk")
    if failed:
        chosen = chosen.filter(~Q(error=""))
    return [_delivery(row) for row in chosen[:limit]]


@router.get("/alert-deliveries/{number}", response=StoredDelivery, summary="Show a delivery")
def delivery(request: HttpRequest, number: int) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """How a message went."""
    row = Delivery.objects.select_related("channel").filter(pk=number).first()
    if row is None:
        raise NotFoundError(f"there is no delivery {number}")
    return _delivery(row)


def _found(name: str) -> Channel:
    row = Channel.objects.filter(name=name).first()
    if row is None:
        raise NotFoundError(f"there is no channel {name}", hint="havre alert channel list")
    return row


def _alert(row: Incident, language: str, caller: Caller) -> dict[str, Any]:
    project = row.environment.project.name if row.environment else None
    may_read = caller.may(Action.READ_LOGS if project else Action.SEE_SERVER, project)
    return {
        "id": row.pk,
        "kind": row.kind,
        "place": row.place,
        "subject": row.subject,
        "severity": row.severity,
        "message": message(row.kind, row.subject, row.facts, language),
        "flapping": row.is_flapping,
        "began_at": row.began_at,
        "over_at": row.over_at,
        "acknowledged_at": row.acknowledged_at,
        "acknowledged_by": row.acknowledged_by,
        "told": row.told,
        "lines": row.lines if may_read else [],
    }


def _silence(row: Silence) -> dict[str, Any]:
    return {
        "id": row.pk,
        "check": row.check_kind,
        "place": row.place,
        "begins_at": row.begins_at,
        "ends_at": row.ends_at,
        "reason": row.reason,
        "actor": row.actor,
    }


def _channel(row: Channel) -> dict[str, Any]:
    tried = row.deliveries.filter(attempts__gt=0) | row.deliveries.filter(word="ping")
    newest = tried.order_by("-pk").first()
    return {
        "name": row.name,
        "kind": row.kind,
        "options": row.options,
        "has_secret": bool(row.sealed),
        "language": row.language,
        "place": row.place,
        "least": row.least,
        "taken_at": newest.taken_at if newest else None,
        "error": newest.error if newest else "",
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "channel": row.channel.name if row.channel else "on_failure",
        "alert": row.incident_id,
        "word": row.word,
        "attempts": row.attempts,
        "next_at": row.next_at,
        "taken_at": row.taken_at,
        "error": row.error,
    }
