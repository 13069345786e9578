"""How long copies are kept, and when they are read back. The texts are the documentation."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, StrictBool, StrictInt, model_validator

from havre.domain.continuity.retention import Retention
from havre.manifest.cron import ScheduleText, TimeZone
from havre.manifest.parts import Model
from havre.manifest.shortforms import expand_verify
from havre.manifest.values import format_duration, parse_duration
from havre.manifest.wording import fail

_DAY: Final = 86_400.0
_EXAMPLE: Final = "write it like 30d, or {daily: 30, weekly: 9, monthly: 12}"


class Copies(Model):
    """For how many days, weeks and months the newest copy of each is kept."""

    daily: Annotated[StrictInt, Field(ge=1, le=3660)] = Field(
        7, description="Days; `7d` for short, with the others as they are.", examples=[7]
    )
    weekly: Annotated[StrictInt, Field(ge=0, le=520)] = Field(0, description="Weeks.", examples=[4])
    monthly: Annotated[StrictInt, Field(ge=0, le=240)] = Field(0, description="Months.", examples=[12])

    @model_validator(mode="before")
    @classmethod
    def _days_for_short(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        seconds = parse_duration(value)
        if seconds < _DAY or seconds % _DAY:
            raise fail(f"got {format_duration(seconds)}, which is not a number of whole days", _EXAMPLE)
        return {"daily": int(seconds / _DAY)}

    @property
    def retention(self) -> Retention:
        """As a value."""
        return Retention(self.daily, self.weekly, self.monthly)


class CopiesElsewhere(Copies):
    """The same in another place, where they are kept longer."""

    daily: Annotated[StrictInt, Field(ge=1, le=3660)] = Field(
        30, description="Days; `30d` for short, with the others as they are.", examples=[30]
    )
    weekly: Annotated[StrictInt, Field(ge=0, le=520)] = Field(9, description="Weeks.", examples=[9])
    monthly: Annotated[StrictInt, Field(ge=0, le=240)] = Field(12, description="Months.", examples=[12])


class Verify(Model):
    """Everything that is saved is read back by itself, and compared with its checksums."""

    enabled: StrictBool = Field(
        True, description="Whether it is, on schedule; `verify: false` for short.", examples=[True]
    )
    schedule: ScheduleText = Field("0 5 * * 6", description="When, as in crontab(5).", examples=["0 5 * * 6"])
    timezone: TimeZone = Field("UTC", description="Time zone of the schedule.", examples=["Europe/Paris"])

    _short = model_validator(mode="before")(expand_verify)
