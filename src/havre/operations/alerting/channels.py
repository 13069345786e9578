"""Channels: what they need, and sending by them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from havre.adapters import sealing
from havre.adapters.notify import mail, services
from havre.adapters.notify.webhook import post
from havre.config import Paths
from havre.domain.alerting.telling import Word
from havre.errors import HavreError, UsageError
from havre.operations.alerting.wording import Told, render
from havre.records.models import Channel

_TIMEOUT: Final = 10.0  # seconds
_LINE: Final = r"^[^\s\x00-\x1f]+$"
_Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=300)]
_Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$", max_length=254)]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2000)]
_APPRISE: Final = {Word.BEGAN: "failure", Word.REMINDER: "warning", Word.OVER: "success", Word.TEST: "info"}


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Email(_Options):
    """By SMTP; the password is the channel's secret."""

    kind: Literal["email"]
    host: _Line
    port: int = Field(587, ge=1, le=65_535)
    security: mail.Security = "starttls"
    user: _Line | Literal[""] = ""
    sender: _Address
    recipients: list[_Address] = Field(min_length=1, max_length=20)


class Apprise(_Options):
    """By a service that Apprise knows; its address is the channel's secret."""

    kind: Literal["apprise"]


class Webhook(_Options):
    """A JSON document, posted; the address is the channel's secret."""

    kind: Literal["webhook"]


class Heartbeat(_Options):
    """An address that is asked for each minute while all is watched; it is the channel's secret."""

    kind: Literal["heartbeat"]


Options = Annotated[Email | Apprise | Webhook | Heartbeat, Field(discriminator="kind")]
_OPTIONS: Final[TypeAdapter[Email | Apprise | Webhook | Heartbeat]] = TypeAdapter(Options)
_URL: Final[TypeAdapter[str]] = TypeAdapter(_Url)


def checked(kind: str, options: dict[str, Any], secret: str) -> Email | Apprise | Webhook | Heartbeat:
    """Options as the kind has them.

    Raises:
        UsageError: they do not fit, or the secret lacks; the secret is never told.
    """
    try:
        found = _OPTIONS.validate_python({"kind": kind, **options})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"][1:]) or "kind"
        raise UsageError(f"the channel does not fit: {where}: {first['msg']}") from None
    if isinstance(found, Webhook | Heartbeat):
        try:
            _URL.validate_python(secret)
        except ValidationError:
            raise UsageError(f"a {kind} needs an address that begins with https:// or http://") from None
    if isinstance(found, Apprise) and "://" not in secret:
        raise UsageError(
            "apprise needs an address such as slack://…", hint="see https://github.com/caronc/apprise/wiki"
        )
    return found


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
