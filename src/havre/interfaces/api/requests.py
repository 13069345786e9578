"""The operations that the API takes. Unknown keys are errors; names are the manifest's own kinds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from havre.interfaces.api.params import (
    AdoptParams,
    ApplyParams,
    BackupParams,
    ConfirmParams,
    CronParams,
    DeployParams,
    DestroyParams,
    DrillParams,
    DumpParams,
    EraseParams,
    ExtractParams,
    NoParams,
    PlanParams,
    RebuildParams,
    RestartParams,
    RestoreParams,
    RollbackParams,
    RunParams,
    ScaleParams,
    UpgradeParams,
    VerifyParams,
)
from havre.interfaces.api.schemas import Wanted
from havre.manifest.values import Name


class _Operation(Wanted):
    project: Name
    environment: Name


class Deploy(_Operation):
    """Take an environment to a commit."""

    kind: Literal["deploy"]
    params: DeployParams = DeployParams()


class Rollback(_Operation):
    """Take an environment back to an earlier release."""

    kind: Literal["rollback"]
    params: RollbackParams = RollbackParams()


class Restart(_Operation):
    """Start the tasks of services afresh."""

    kind: Literal["restart"]
    params: RestartParams = RestartParams()


class Scale(_Operation):
    """Change the number of tasks."""

    kind: Literal["scale"]
    params: ScaleParams


class Destroy(_Operation):
    """Take everything of an environment away."""

    kind: Literal["destroy"]
    params: DestroyParams = DestroyParams()


class RunCommand(_Operation):
    """Run a command once, beside whatever else happens in the environment."""

    kind: Literal["run"]
    params: RunParams


class Cron(_Operation):
    """Run a scheduled command now, beside its schedule, paused or not; 409 while it runs."""

    kind: Literal["cron"]
    params: CronParams


class Plan(_Operation):
    """Say what a deployment would change, and what was changed by hand."""

    kind: Literal["plan"]
    params: PlanParams = PlanParams()


class Apply(_Operation):
    """Carry out a plan, exactly that one or nothing."""

    kind: Literal["apply"]
    params: ApplyParams


class Adopt(_Operation):
    """Take what was changed by hand into the records."""

    kind: Literal["adopt"]
    params: AdoptParams = AdoptParams()


class Backup(_Operation):
    """Back databases up now, into every repository."""

    kind: Literal["backup"]
    params: BackupParams = BackupParams()


class MakeDump(_Operation):
    """Dump databases now, into both repositories of the archive, and read the dumps back."""

    kind: Literal["dump"]
    params: DumpParams = DumpParams()


class Save(_Operation):
    """Save its images and volumes, and Havre's own state, now."""

    kind: Literal["save"]
    params: NoParams = NoParams()


class Verify(_Operation):
    """Read everything back that is saved of databases."""

    kind: Literal["verify"]
    params: VerifyParams = VerifyParams()


class Restore(_Operation):
    """Take a database back to an earlier moment; what it replaces is kept."""

    kind: Literal["restore"]
    params: RestoreParams = RestoreParams()


class Upgrade(_Operation):
    """Take a database to a later major version of PostgreSQL; what it replaces is kept."""

    kind: Literal["upgrade"]
    params: UpgradeParams = UpgradeParams()


class Drill(_Operation):
    """Restore everything into an isolated copy, start the release on it, check and time it, remove it."""

    kind: Literal["drill"]
    params: DrillParams = DrillParams()


class Extract(_Operation):
    """Restore a database into an isolated copy for who reads it through the engine, and remove it then."""

    kind: Literal["extract"]
    params: ExtractParams = ExtractParams()


class Rebuild(_Operation):
    """Bring back from the off-site storage what is missing on this server; what is there stays."""

    kind: Literal["rebuild"]
    params: RebuildParams = RebuildParams()


class ConfirmRestore(_Operation):
    """Remove for good what restores replaced."""

    kind: Literal["confirm"]
    params: ConfirmParams = ConfirmParams()


class Erase(_Operation):
    """Erase a person from the database of an environment; its backups expire later."""

    kind: Literal["erase"]
    params: EraseParams


WantedOperation = Annotated[
    Deploy
    | Rollback
    | Restart
    | Scale
    | Destroy
    | RunCommand
    | Cron
    | Plan
    | Apply
    | Adopt
    | Backup
    | MakeDump
    | Save
    | Verify
    | Restore
    | Upgrade
    | Extract
    | Rebuild
    | ConfirmRestore
    | Erase
    | Drill,
    Field(discriminator="kind"),
]
