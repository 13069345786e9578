"""Deliver what is to be told, and give the sign of life of who watches."""

from __future__ import annotations

import logging
import time
from typing import Final

from django.utils import timezone

from havre.config import Config
from havre.domain.alerting.checks import SERVER
from havre.domain.alerting.telling import Word
from havre.errors import HavreError
from havre.operations.alerting import channels, hooks
from havre.operations.alerting.wording import Told
from havre.records import alerting
from havre.records.models import Channel, Delivery

log = logging.getLogger(__name__)

_BEAT: Final = 60.0
"""Seconds between two signs of life."""
_PING: Final = "ping"


def deliver(config: Config) -> int:
    """Send all that is due; how many were taken.

    One that dies between sending and remembering it sends it again: twice is better than never.
    """
    taken = 0
    for each in alerting.due(timezone.now()):
        try:
            _send(config, each)
        except HavreError as error:
            log.warning("channel %s: %s", _name(each), error.message)
            alerting.failed(each, error.message, timezone.now(), may_pass=error.retryable)
        except Exception as error:
            log.exception("channel %s", _name(each))
            alerting.failed(each, type(error).__name__, timezone.now(), may_pass=True)
        else:
            alerting.delivered(each, timezone.now())
            taken += 1
    return taken


def _send(config: Config, delivery: Delivery) -> None:
    if delivery.channel is not None:
        channels.send(config.paths, delivery.channel, _told(config, delivery))
    elif delivery.incident is not None:
        hooks.send(config, delivery.incident, is_over=delivery.word == Word.OVER)


def _name(delivery: Delivery) -> str:
    return delivery.channel.name if delivery.channel else "on_failure"


def _told(config: Config, delivery: Delivery) -> Told:
    incident = delivery.incident
    if incident is None:
        return Told(0, Word.TEST, "", SERVER, _name(delivery))
    return Told(
        incident.pk,
        Word(delivery.word),
        incident.kind,
        incident.place,
        incident.subject,
        incident.facts,
        incident.began_at,
        incident.over_at if delivery.word == Word.OVER else None,
        incident.is_flapping,
        incident.service,
        tuple(incident.lines),
        f"https://{config.domain}/alerts/{incident.pk}" if config.domain else "",
    )


class Heart:
    """Pings the addresses that miss it when it stops: the dead man's switch.

    Args:
        config: of the server.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._beaten = -_BEAT

    def beat(self) -> None:
        """Ping each, if a minute is over; how it went is kept where deliveries are."""
        if time.monotonic() - self._beaten < _BEAT:
            return
        self._beaten = time.monotonic()
        for channel in Channel.objects.filter(kind="heartbeat"):
            error = ""
            try:
                channels.ping(channels.secret_of(self._config.paths, channel))
            except HavreError as found:
                error = found.message
                log.warning("channel %s: %s", channel.name, error)
            Delivery.objects.update_or_create(
                channel=channel,
                incident=None,
                word=_PING,
                defaults={"next_at": None, "error": error, "created_at": timezone.now()}
                | ({} if error else {"taken_at": timezone.now()}),
            )
