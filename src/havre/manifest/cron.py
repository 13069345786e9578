"""Scheduled commands of an app. The texts are the documentation."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema

from havre.manifest.parts import Model, SecretReference
from havre.manifest.values import Command, PositiveDuration
from havre.manifest.wording import fail, show

_URL: Final = r"https?://[A-Za-z0-9\[][^\s\x00-\x1f\x7f]*"
_LONGEST: Final = 500


def _schedule(text: str) -> str:
    from havre.domain.schedule import Schedule  # noqa: PLC0415 - a library that most manifests do not need

    try:
        Schedule(text)
    except ValueError as error:
        raise fail(
            f"got {show(text)}: {error}",
            'write minute, hour, day, month and day of the week, such as "30 3 * * 1-5", or @daily',
        ) from error
    return text


def _timezone(text: str) -> str:
    from havre.domain.schedule import Schedule  # noqa: PLC0415 - as above

    try:
        Schedule("@daily", text)
    except ValueError as error:
        why = f"got {show(text)}, which is no time zone"
        raise fail(why, "write it like Europe/Paris, or UTC") from error
    return text


def _url(text: str) -> str:
    if not re.fullmatch(_URL, text) or len(text) > _LONGEST:
        raise fail(f"got {show(text)}, which is not a web address", "write it like https://example.org/hook")
    return text


def _tag(value: Any) -> str:
    return "secret" if isinstance(value, dict | SecretReference) else "text"


Url = Annotated[
    Annotated[
        str,
        AfterValidator(_url),
        WithJsonSchema({"type": "string", "pattern": f"^(?:{_URL})$", "maxLength": _LONGEST}),
        Tag("text"),
    ]
    | Annotated[SecretReference, Tag("secret")],
    Discriminator(_tag),
]


ScheduleText = Annotated[str, AfterValidator(_schedule)]
TimeZone = Annotated[str, AfterValidator(_timezone)]


class Hook(Model):
    """Who is told when a scheduled command fails, and when it works again: a POST of JSON."""

    url: Url = Field(
        description="Where it is sent; `{secret: name}` where the address itself is one.",
        examples=["https://hooks.example.org/T0/B0"],
    )


class CronJob(Model):
    """A command that runs at certain times, in the service's image, with its variables and network."""

    schedule: ScheduleText = Field(
        description="When it runs: minute, hour, day, month, day of the week, as in crontab(5); "
        "or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.",
        examples=["0 3 * * *"],
    )
    command: Command = Field(description="The command.", examples=["node dist/nightly.js"])
    timezone: TimeZone = Field("UTC", description="Time zone of the schedule.", examples=["Europe/Paris"])
    overlap: Literal["skip", "queue", "replace"] = Field(
        "skip",
        description="What becomes of a run that is due while the one before still runs: `skip` it, "
        "`queue` it (one waits at most), or `replace` the one that runs.",
        examples=["skip"],
    )
    timeout: PositiveDuration = Field(
        3600.0, description="Time after which a run is stopped and has failed.", examples=["1h"]
    )
    on_failure: Hook | None = Field(
        None,
        description="Who is told of a failure.",
        examples=[{"url": {"secret": "alert-hook"}}],
    )
