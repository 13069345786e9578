"""What a channel needs to be told of, and how that is checked; the web process has to know no more of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from havre.errors import UsageError

Security = Literal["tls", "starttls", "none"]
"""Of a mail server's port, as ``adapters.notify.mail`` knows it, which would bring the client with it."""
_LINE: Final = r"^[^\s\x00-\x1f]+$"
_Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=300)]
_Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$", max_length=254)]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2000)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Email(_Options):
    """By SMTP; the password is the channel's secret."""

    kind: Literal["email"]
    host: _Line
    port: int = Field(587, ge=1, le=65_535)
    security: Security = "starttls"
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
