"""Restore drills: their keys, defaults and rules. The texts are the documentation."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from havre.manifest.cron import ScheduleText, TimeZone
from havre.manifest.parts import Model
from havre.manifest.shortforms import expand_drill
from havre.manifest.values import HealthPath, Name, PlainText
from havre.manifest.wording import fail, show

_QUESTION: Final = re.compile(r"(?is)\s*(select|with|values|table)\b.*")
_LONGEST: Final = 2000


def _question(text: str) -> str:
    if not _QUESTION.fullmatch(text) or len(text) > _LONGEST or "\x00" in text:
        raise fail(
            f"got {show(text)}, which is no question",
            "write one SELECT that answers true, such as SELECT count(*) > 0 FROM member",
        )
    return text


Question = Annotated[str, AfterValidator(_question)]


class DrillCheck(Model):
    """What has to be true in the restored copy: an SQL assertion, or an HTTP request."""

    sql: Question | None = Field(
        None,
        description="A SELECT that has to answer true; it cannot write.",
        examples=["SELECT count(*) > 0 FROM member"],
    )
    http: HealthPath | None = Field(None, description="A path that is asked for.", examples=["/api/members"])
    service: Name | None = Field(
        None,
        description="The database or service that is asked. Default: the only one there is for it.",
        examples=["api"],
    )
    status: Annotated[StrictInt, Field(ge=100, le=599)] = Field(
        200, description="The status that `http` has to be answered with.", examples=[200]
    )
    contains: PlainText | None = Field(
        None, description="Text that the answer to `http` has to hold.", examples=["Welcome"]
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> DrillCheck:
        if (self.sql is None) == (self.http is None):
            raise fail("has to say either sql or http", "for example {sql: SELECT count(*) > 0 FROM member}")
        if self.sql is not None and self.contains is not None:
            raise fail("says contains, which is for http", "let the statement itself answer true or false")
        return self


class Drill(Model):
    """Restore drills: the newest off-site backup becomes an isolated copy, which is checked and timed."""

    enabled: StrictBool = Field(
        True,
        description="Whether drills are made on schedule; `drill: false` for short.",
        examples=[True],
    )
    schedule: ScheduleText = Field(
        "30 4 * * 0", description="When, as in crontab(5).", examples=["30 4 * * 0"]
    )
    timezone: TimeZone = Field("UTC", description="Time zone of the schedule.", examples=["Europe/Paris"])
    checks: tuple[DrillCheck, ...] = Field(
        (),
        description="What has to be true in the copy, beside the health checks of the services.",
        examples=[[{"sql": "SELECT count(*) > 0 FROM member"}, {"http": "/", "service": "web"}]],
    )

    _short = model_validator(mode="before")(expand_drill)
