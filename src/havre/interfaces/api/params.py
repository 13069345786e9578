"""What the operations that the API takes want to know. Unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

from havre.interfaces.api.schemas import Confirm, Ref, Source, Subfolder, Value, Wanted
from havre.manifest.values import EnvName, Name, PostgresName
from havre.manifest.yaml_source import LARGEST_BYTES

_TABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$"
"""A table, or schema and table. Names that want quoting are not taken: they end up in statements."""

PLACE = r"^[^\x00-\x1f\x7f]+\.[^.\x00-\x1f\x7f]+$"


ManifestText = Annotated[str, Field(min_length=1, max_length=LARGEST_BYTES)]
"""A ``havre.yaml`` for this one operation, in place of the repository's. It is not among what that shows."""


class _FromSource(Wanted):
    source: Source | None = None
    subfolder: Subfolder | Literal[""] = ""
    ref: Ref | None = None
    manifest: ManifestText | None = None


class DeployParams(_FromSource):
    """What to deploy; without a source, the one remembered for the project.

    ``manifest``: a ``havre.yaml`` for this release alone, in place of the repository's.
    ``confirm`` is wanted by a protected environment where this interrupts or destroys.
    """

    confirm: Confirm = ""


class PlanParams(_FromSource):
    """What to plan, as for a deployment; or only the drift, which needs no source."""

    drift: StrictBool = False


class FieldOfPlan(Wanted):
    """One difference."""

    path: str
    before: str
    after: str


class ChangeOfPlan(Wanted):
    """One change of a plan."""

    action: str
    kind: str
    name: str
    fields: list[FieldOfPlan]
    interrupts: StrictBool
    destructive: StrictBool
    reason: str


class DriftOfPlan(Wanted):
    """One thing that was changed by hand."""

    kind: str
    name: str
    state: str
    fields: list[FieldOfPlan]


class AdoptionOfPlan(Wanted):
    """What can be made of a drift."""

    service: str
    path: str
    way: str
    remedy: str


class GivenPlan(Wanted):
    """A plan as the operation ``plan`` gave it."""

    format: StrictInt
    project: Name
    environment: Name
    commit: Ref
    subject: str = ""
    protected: StrictBool = False
    has_changes: StrictBool
    changes: Annotated[list[ChangeOfPlan], Field(max_length=2000)]
    drift: Annotated[list[DriftOfPlan], Field(max_length=2000, default_factory=list)]
    adopt: Annotated[list[AdoptionOfPlan], Field(max_length=20000, default_factory=list)]
    basis: Annotated[dict[str, str], Field(max_length=20000)]


class ApplyParams(Wanted):
    """The plan to carry out; ``manifest`` and ``confirm`` as for a deployment."""

    plan: GivenPlan
    source: Source | None = None
    subfolder: Subfolder | Literal[""] = ""
    manifest: ManifestText | None = None
    confirm: Confirm = ""


class AdoptParams(Wanted):
    """The basis of the plan that showed the drift; without one, whatever is found is adopted."""

    basis: Annotated[dict[str, str], Field(max_length=20000)] | None = None


class RollbackParams(Wanted):
    """Which release to return to; without a number, the one before the live one.

    ``with_data``: the database too, to the restore point before what followed that release. A dry run only
    says what would be done, and what would be lost.
    """

    release: Annotated[StrictInt, Field(ge=1)] | None = None
    with_data: StrictBool = False
    dry_run: StrictBool = False
    confirm: Confirm = ""

    @model_validator(mode="after")
    def _dry_with_data(self) -> RollbackParams:
        if self.dry_run and not self.with_data:
            raise ValueError("`dry_run` goes with `with_data`: without data there is nothing to lose")
        return self


class RestartParams(Wanted):
    """Which services; all without a list."""

    services: Annotated[list[Name], Field(min_length=1, max_length=100)] | None = None
    confirm: Confirm = ""


class ScaleParams(Wanted):
    """Tasks per service; null goes back to the manifest's number."""

    replicas: Annotated[
        dict[Name, Annotated[StrictInt, Field(ge=1, le=100)] | None], Field(min_length=1, max_length=100)
    ]
    confirm: Confirm = ""


class DestroyParams(Wanted):
    """Whether the volumes, and with them the data, go too; a protected environment wants ``confirm``."""

    volumes: StrictBool = False
    confirm: Confirm = ""


class RunParams(Wanted):
    """A command in a service's image; without a release, in that of the live one.

    Its words and variables are recorded and shown: secrets come from the service's own environment.
    """

    service: Name
    command: Annotated[list[Value], Field(min_length=1, max_length=200)]
    release: Annotated[StrictInt, Field(ge=1)] | None = None
    variables: Annotated[dict[EnvName, Value], Field(default_factory=dict, max_length=100)]
    timeout: Annotated[StrictInt, Field(ge=1, le=7 * 86_400, description="Seconds.")] = 3600
    confirm: Confirm = ""


class CronParams(Wanted):
    """Which scheduled command of the live release."""

    job: Name


class BackupParams(Wanted):
    """Which database, all without one; a full copy, or what changed since the last one.

    ``new_database``: also where a database is another one than that which is saved.
    """

    service: Name | None = None
    type: Literal["full", "incremental"] = "incremental"
    new_database: StrictBool = False


class DumpParams(Wanted):
    """Which database; all without one."""

    service: Name | None = None


class NoParams(Wanted):
    """Nothing to choose."""


class VerifyParams(Wanted):
    """Which database; all without one."""

    service: Name | None = None


class DrillParams(Wanted):
    """What is restored from: the off-site repository unless there is none, or one that is named."""

    repository: Literal["local", "offsite"] | None = None


class ExtractParams(Wanted):
    """Which database, from which repository; ``wait``: seconds for which the copy is kept unread."""

    service: Name | None = None
    repository: Literal["local", "offsite"] | None = None
    wait: Annotated[StrictInt, Field(ge=0, le=3600)] = 120


class RestoreParams(Wanted):
    """Which database returns to which moment.

    ``at`` is a time, ``release`` the number of one whose restore point is meant; without both it is the
    newest moment. A repository is chosen unless one is named. A dry run only says what would be done.
    ``beside``: nothing is replaced, a new database of that name is made in the same server, with the rows of
    ``table`` only if that is given. ``dump``: it is made of a dump, ``latest`` or one by the beginning of its
    name. ``volume``: that one returns to its newest copy, or to that of ``at``, instead of a database; who
    uses it is stopped meanwhile. ``confirm`` is wanted by a protected environment.
    """

    service: Name | None = None
    at: AwareDatetime | None = None
    release: Annotated[StrictInt, Field(ge=1)] | None = None
    repository: Literal["local", "offsite"] | None = None
    beside: PostgresName | None = None
    table: Annotated[str, StringConstraints(pattern=_TABLE)] | None = None
    dump: Annotated[str, StringConstraints(pattern=r"^(latest|[0-9a-f]{4,64})$")] | None = None
    volume: Name | None = None
    dry_run: StrictBool = False
    confirm: Confirm = ""

    @model_validator(mode="after")
    def _one_target(self) -> RestoreParams:
        if self.at and self.release:
            raise ValueError("either `at` or `release`, not both")
        if self.table and not self.beside:
            raise ValueError("`table` goes with `beside`: one table is never put into the present data")
        if self.dump and (self.at or self.release or not self.beside):
            raise ValueError("`dump` goes with `beside`, and without `at` and `release`")
        if self.volume and (self.service or self.release or self.beside or self.dump):
            raise ValueError("`volume` goes with `at` and `repository` only")
        return self


class UpgradeParams(Wanted):
    """Which database is taken to which major version of PostgreSQL; the newest one without ``version``.

    A dry run only says what would be done, and with ``rehearse`` tries it without the rows. ``confirm`` is
    wanted by a protected environment.
    """

    service: Name | None = None
    version: StrictInt | None = None
    dry_run: StrictBool = False
    rehearse: StrictBool = False
    confirm: Confirm = ""


class RebuildParams(Wanted):
    """Nothing to choose. A protected environment wants ``confirm``."""

    confirm: Confirm = ""


class ConfirmParams(Wanted):
    """Of which database; of all without one. A protected environment wants ``confirm``."""

    service: Name | None = None
    confirm: Confirm = ""


class EraseParams(Wanted):
    """Who is erased: ``subject`` is a column, as ``members.email``, and ``value`` what the person has there.

    ``again`` means those who were erased before and are there again, and needs neither. The value is sealed
    at once and forgotten when the operation is over. A dry run changes nothing and says what would become of
    how many rows. ``confirm`` is wanted by a protected environment.
    """

    service: Name | None = None
    subject: Annotated[str, Field(pattern=PLACE, max_length=200)] | Literal[""] = ""
    value: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = None
    again: StrictBool = False
    dry_run: StrictBool = False
    confirm: Confirm = ""

    @model_validator(mode="after")
    def _one_person(self) -> EraseParams:
        if self.again == bool(self.subject and self.value):
            raise ValueError("either `subject` with `value`, or `again`")
        return self
