"""What was seen becomes incidents, incidents become messages that are to be delivered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from havre.domain.alerting import telling
from havre.domain.alerting.checks import KINDS, Look
from havre.domain.alerting.machine import Change, Phase, State, look
from havre.domain.alerting.telling import Severity, Word
from havre.records.models import Channel, Check, Delivery, Environment, Incident, Silence

_KEPT: Final = timedelta(days=400)
"""Incidents that were over longer ago are forgotten."""
_REMEMBERED: Final = timedelta(hours=1)
"""After this a check that is good needs no row any more."""


def observe(
    looks: Iterable[Look],
    kinds: Collection[str],
    now: datetime,
    *,
    lines: Callable[[Look], list[str]] = lambda _look: [],
) -> list[Incident]:
    """Take what was seen to the state machine; the incidents that began or were over.

    Args:
        looks: all there are of these kinds: what was bad and is not among them is there no more, and over.
        kinds: of the looks.
        now: the time of the looks.
        lines: the last ones of the log of what a look is at, without secrets; asked when an incident begins.
    """
    known = {(row.kind, row.place, row.subject): row for row in Check.objects.filter(kind__in=kinds)}
    seen = {each.key: each for each in looks}
    for key in known.keys() - seen.keys():
        kind, place, subject = key
        seen[key] = Look(kind, place, subject, is_bad=False, value=-1.0)
    changed = []
    for key, each in seen.items():
        incident = _observe(each, known.get(key), now, lines)
        if incident is not None:
            changed.append(incident)
    return changed


def _observe(
    seen: Look, row: Check | None, now: datetime, lines: Callable[[Look], list[str]]
) -> Incident | None:
    before = State.stored(row.state) if row else State()
    kind = KINDS[seen.kind]
    is_bad = seen.verdict(was=before.phase is not Phase.OK)
    after, change = look(before, is_bad=is_bad, patience=kind.patience, now=now)
    if after.phase is Phase.OK and (after.ended is None or now - after.ended > _REMEMBERED):
        if row is not None:
            row.delete()
        return None
    found = lines(seen) if change == Change.BEGAN else []
    with transaction.atomic():
        if row is None:
            row = Check(
                place=seen.place, kind=seen.kind, subject=seen.subject, environment=_environment(seen)
            )
        if row.pk is None or after != before:
            row.state = after.as_data()
            row.save()
        opened = Incident.objects.filter(
            place=seen.place, kind=seen.kind, subject=seen.subject, over_at=None
        ).first()
        if change == Change.BEGAN and opened is None:
            return Incident.objects.create(
                environment=row.environment, place=seen.place, kind=seen.kind, subject=seen.subject,
                severity=kind.severity, facts=dict(seen.facts), lines=found,
                began_at=before.since if before.phase is Phase.PENDING and before.since else now,
                service=seen.service, is_flapping=after.is_flapping,
            )  # fmt: skip
        if opened is None:
            return None
        if change == Change.OVER:
            opened.over_at = now
        elif is_bad:
            opened.facts = dict(seen.facts)
        opened.is_flapping = opened.is_flapping or after.is_flapping
        opened.save(update_fields=("over_at", "facts", "is_flapping"))
        return opened if change == Change.OVER else None


def _environment(seen: Look) -> Environment | None:
    project, slash, name = seen.place.partition("/")
    if not slash:
        return None
    return Environment.objects.filter(project__name=project, name=name).first()


def tell(now: datetime, *, is_named: Callable[[Incident], bool] = lambda _incident: False) -> list[Delivery]:
    """Queue what people have to be told now, once for each channel that hears it.

    Args:
        now: the time.
        is_named: whether the manifest names somebody who is told of an incident's beginning and end.
    """
    untold_end = Q(over_at__isnull=False, told__in=(Word.BEGAN, Word.REMINDER))
    incidents = Incident.objects.filter(Q(over_at=None) | untold_end).order_by("pk")
    if not (found := list(incidents.select_related("environment__current_release"))):
        return []
    silences = [
        telling.Silence(row.check_kind, row.place, row.begins_at, row.ends_at)
        for row in Silence.objects.filter(begins_at__lte=now, ends_at__gt=now)
    ]
    channels = list(Channel.objects.exclude(kind="heartbeat"))
    queued: list[Delivery] = []
    for incident in found:
        word = telling.to_tell(_as_value(incident), silences, now)
        hearing: list[Channel | None] = [each for each in channels if _hears(each, incident)]
        if word in {Word.BEGAN, Word.OVER} and is_named(incident):
            hearing.append(None)
        if word is None or not hearing:
            continue
        with transaction.atomic():
            incident.told, incident.told_at = word, now
            incident.save(update_fields=("told", "told_at"))
            queued += [
                Delivery.objects.create(channel=channel, incident=incident, word=word, next_at=now)
                for channel in hearing
            ]
    return queued


def _as_value(incident: Incident) -> telling.Incident:
    return telling.Incident(
        incident.kind,
        incident.place,
        is_over=incident.over_at is not None,
        is_acknowledged=incident.acknowledged_at is not None,
        told=Word(incident.told) if incident.told else None,
        told_at=incident.told_at,
    )


def _hears(channel: Channel, incident: Incident) -> bool:
    audience = telling.Audience(channel.place, Severity(channel.least))
    return audience.hears(incident.place, Severity(incident.severity))


def due(now: datetime) -> list[Delivery]:
    """What is to be delivered, of each channel and incident the oldest: in the order in which it happened."""
    waiting = Delivery.objects.filter(taken_at=None, next_at__isnull=False)
    if not waiting.exists():  # asked every other second, and nearly always so
        return []
    first: dict[tuple[int | None, int], Delivery] = {}
    for each in waiting.select_related("channel", "incident").order_by("pk"):
        first.setdefault((each.channel_id, each.incident_id or -each.pk), each)
    return [each for each in first.values() if each.next_at is not None and each.next_at <= now]


def delivered(delivery: Delivery, now: datetime) -> None:
    """It was taken."""
    Delivery.objects.filter(pk=delivery.pk).update(
        taken_at=now, next_at=None, attempts=delivery.attempts + 1, error=""
    )


def failed(delivery: Delivery, error: str, now: datetime, *, may_pass: bool) -> None:
    """It was not taken; it is tried again later if that may help. A test is tried once: somebody waits."""
    attempts = delivery.attempts + 1
    is_tried_again = may_pass and delivery.word != Word.TEST
    next_at = telling.next_attempt(attempts, now) if is_tried_again else None
    Delivery.objects.filter(pk=delivery.pk).update(attempts=attempts, next_at=next_at, error=error[:500])


def acknowledge(incident: Incident, actor: str, now: datetime) -> Incident:
    """Somebody takes it on: it is not told again until it is over. The first one stays."""
    Incident.objects.filter(pk=incident.pk, acknowledged_at=None).update(
        acknowledged_at=now, acknowledged_by=actor
    )
    incident.refresh_from_db()
    return incident


def forget_old(now: datetime) -> None:
    """Take away what nobody asks for any more."""
    Incident.objects.filter(over_at__lt=now - _KEPT).delete()
    Silence.objects.filter(ends_at__lt=now - _KEPT).delete()
    Delivery.objects.filter(incident=None, created_at__lt=now - timedelta(days=1)).delete()


def subjects_of(kind: str, place: str) -> set[str]:
    """What was bad before, of a kind and place."""
    return set(Check.objects.filter(kind=kind, place=place).values_list("subject", flat=True))
