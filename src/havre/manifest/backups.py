"""Backups of a database: their keys, defaults and rules. The texts are the documentation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, model_validator

from havre.manifest.cron import Hook, ScheduleText, TimeZone
from havre.manifest.parts import Model
from havre.manifest.shortforms import expand_backups, expand_dump
from havre.manifest.values import Duration, format_duration
from havre.manifest.wording import fail

_DAY = 86_400.0
_LEAST_RPO = 5.0
_MOST_RPO = 7 * _DAY


def _days(seconds: float) -> float:
    if seconds < _DAY or seconds % _DAY:
        raise fail(
            f"got {format_duration(seconds)}, which is not a number of whole days", "write it like 30d"
        )
    return seconds


def _rpo(seconds: float) -> float:
    if not _LEAST_RPO <= seconds <= _MOST_RPO:
        raise fail(f"got {format_duration(seconds)}, expected 5s to 7d", "write it like 5m")
    return seconds


Days = Annotated[Duration, AfterValidator(_days)]
Rpo = Annotated[Duration, AfterValidator(_rpo)]


class Keep(Model):
    """How long backups are kept, with the WAL to return to any moment since the oldest one."""

    local: Days = Field(7 * _DAY, description="On this server, in a volume of its own.", examples=["7d"])
    offsite: Days = Field(30 * _DAY, description="In the server's off-site storage.", examples=["30d"])

    @property
    def days(self) -> tuple[int, int]:
        """Both in days."""
        return int(self.local / _DAY), int(self.offsite / _DAY)


class Dump(Model):
    """A dump of the database by itself: in pg_dump's own format, which any later PostgreSQL takes."""

    enabled: StrictBool = Field(
        True, description="Whether dumps are made on schedule; `dump: false` for short.", examples=[True]
    )
    schedule: ScheduleText = Field(
        "0 3 * * *",
        description="When, as in crontab(5), in the time zone of the others.",
        examples=["0 3 * * *"],
    )
    compression: Literal["none", "fast", "auto", "best"] = Field(
        "auto", description="How hard its repositories compress it.", examples=["auto"]
    )

    _short = model_validator(mode="before")(expand_dump)


class Backups(Model):
    """Point-in-time recovery of a database; `backups: true` switches it on, `backups: false` off."""

    enabled: StrictBool | None = Field(
        None,
        description="Whether the database is backed up; `backups: true` for short. Default: whoever sets "
        "anything here wants it; else it is as soon as the server has an off-site storage.",
        examples=[True],
    )
    rpo: Rpo = Field(
        300.0,
        description="The most that may be lost, as time: WAL leaves the database's volume at least that "
        "often while something is written. Below a minute, which needs an off-site storage, WAL is also "
        "streamed there every few seconds.",
        examples=["1m"],
    )
    full: ScheduleText = Field(
        "0 2 * * 0", description="When everything is copied, as in crontab(5).", examples=["0 2 * * 0"]
    )
    incremental: ScheduleText = Field(
        "0 2 * * 1-6", description="When what changed is copied.", examples=["0 2 * * 1-6"]
    )
    dump: Dump = Field(
        Dump(),
        description="Dumps beside that, for as long as `backup` at the top of the file keeps copies.",
        examples=[{"schedule": "0 3 * * *"}],
    )
    timezone: TimeZone = Field("UTC", description="Time zone of these.", examples=["Europe/Paris"])
    keep: Keep = Field(Keep(), description="How long.", examples=[{"local": "7d", "offsite": "30d"}])
    on_failure: Hook | None = Field(
        None,
        description="Who is told when a backup fails, when two in a row were not made, when WAL is not"
        " archived, and when each of these is over.",
        examples=[{"url": {"secret": "alert-hook"}}],
    )

    _short = model_validator(mode="before")(expand_backups)

    def are_on(self, *, has_storage: bool) -> bool:
        """Whether the database is backed up, with or without an off-site storage of the server."""
        return has_storage if self.enabled is None else self.enabled
