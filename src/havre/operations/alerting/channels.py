"""Sending by channels."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx

from havre.adapters import sealing
from havre.adapters.notify import mail, services
from havre.adapters.notify.webhook import post
from havre.config import Paths
from havre.domain.alerting.telling import Word
from havre.errors import HavreError
from havre.operations.alerting.channel_options import Apprise, Email, Heartbeat, Webhook, checked
from havre.operations.alerting.wording import Told, render
from havre.records.models import Channel

_TIMEOUT: Final = 10.0  # seconds
_APPRISE: Final = {Word.BEGAN: "failure", Word.REMINDER: "warning", Word.OVER: "success", Word.TEST: "info"}


def secret_of(paths: Paths, channel: Channel) -> str:
    """The channel's secret; only the worker has the key.

    Raises:
        HavreError: it cannot be opened.
    """
    return sealing.unseal(paths.private_key, bytes(channel.sealed)).decode() if channel.sealed else ""


def send(paths: Paths, channel: Channel, told: Told) -> None:
    """Tell by a channel.

    Raises:
        HavreError: it was not taken; ``retryable`` says whether it may be later.
    """
    secret = secret_of(paths, channel)
    options = checked(channel.kind, channel.options, secret)
    title, text = render(told, channel.language)
    match options:
        case Email():
            server = mail.Server(options.host, options.port, options.security, options.user, secret)
            mail.send(
                server,
                sender=options.sender,
                recipients=options.recipients,
                subject=title,
                text=text,
                thread=f"incident-{told.number}" if told.number else "",
            )
        case Apprise():
            services.send(secret, title=title, text=text, kind=_APPRISE[told.word])
        case Webhook():
            post(secret, document(told, title, text))
        case Heartbeat():
            ping(secret)


def document(told: Told, title: str, text: str) -> dict[str, Any]:
    """What a webhook gets."""
    document = {
        "alert": told.number,
        "event": told.word.value,
        "check": told.kind,
        "place": told.place,
        "subject": told.subject,
        "facts": dict(told.facts or {}),
        "began_at": told.began.isoformat() if told.began else None,
        "over_at": told.over.isoformat() if told.over else None,
        "title": title,
        "text": text,
        "link": told.link,
    }
    json.dumps(document)  # all of it is plain
    return document


def ping(url: str) -> None:
    """Ask for an address, as a sign of life.

    Raises:
        HavreError: there was no good answer.
    """
    try:
        status = httpx.get(url, timeout=_TIMEOUT, headers={"User-Agent": "havre"}).status_code
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise HavreError(f"the heartbeat did not get there: {type(error).__name__}", retryable=True) from None
    if not httpx.codes.is_success(status):
        raise HavreError(f"the heartbeat was answered with status {status}", retryable=True)
