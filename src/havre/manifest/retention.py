"""How long copies of dumps, volumes, images and state are kept. The texts are the documentation."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, StrictInt, model_validator

from havre.domain.continuity.retention import Retention
from havre.manifest.parts import Model
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
