"""Databases and caches: their keys, defaults and rules. The texts are the documentation."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    WithJsonSchema,
)

from havre.domain.database_version import VERSIONS
from havre.manifest.backups import Backups
from havre.manifest.parts import (
    Model,
    Resources,
)
from havre.manifest.privacy import Privacy
from havre.manifest.routed import MIB
from havre.manifest.values import (
    PlainText,
    PostgresName,
    Size,
)


class _DataModel(Model):
    """What databases and caches have in common: one task, never reachable from outside."""

    resources: Resources | None = Field(
        None,
        description="Processors and memory.",
        examples=[{"limits": {"cpus": 1.0, "memory": "512M"}}],
    )

    replicas: ClassVar[int] = 1


def _number_of_version(value: object) -> object:
    if isinstance(value, str):
        return {str(each): each for each in VERSIONS}.get(value, value)
    return str(value) if isinstance(value, float) else value


class PostgresService(_DataModel):
    """A PostgreSQL database, reachable in the environment's private network only."""

    kind: Literal["postgres"] = Field(description="Kind of service.", examples=["postgres"])
    version: Annotated[
        Literal[15, 17] | None,
        BeforeValidator(_number_of_version),
        WithJsonSchema({"enum": [*VERSIONS, *map(str, VERSIONS)]}),
    ] = Field(
        None,
        description="Major version. Default: that of its data, which `havre db upgrade` takes to a later one;"
        " of a new database 17.",
        examples=[17],
    )
    database: PostgresName = Field(
        "", description="Name of the database. Default: the project's, with _ for -.", examples=["shop"]
    )
    user: PostgresName = Field(
        "", description="Name of its user. Default: the project's, with _ for -.", examples=["shop"]
    )
    privacy: Privacy | None = Field(
        None,
        description="What an anonymised copy makes of its columns.",
        examples=[{"locale": "fr_FR", "tables": {"members": {"email": "email", "note": "scrub"}}}],
    )
    backups: Backups = Field(
        Backups(),
        description="Backups and point-in-time recovery. `true` or `false` for short.",
        examples=[{"rpo": "1m", "keep": {"local": "7d", "offsite": "30d"}}],
    )


class RedisService(_DataModel):
    """A Redis cache, reachable in the environment's private network only."""

    kind: Literal["redis"] = Field(description="Kind of service.", examples=["redis"])
    version: Annotated[PlainText, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$")] | None = Field(
        None, description="Version that the program expects; recorded only.", examples=["7"]
    )
    max_memory: Size = Field(
        128 * MIB, description="Above this the least used keys are dropped.", examples=["128M"]
    )
    persistent: StrictBool = Field(
        False, description="Keep the data over restarts, on a volume.", examples=[False]
    )
