"""The manifest as a whole, and what it says about one environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, JsonValue, StrictBool, model_validator

from havre.domain.continuity.objectives import Objectives
from havre.errors import UsageError
from havre.manifest.cron import Hook
from havre.manifest.drill import Drill
from havre.manifest.overrides import merge_services
from havre.manifest.parts import Model
from havre.manifest.retention import Copies, CopiesElsewhere, Verify
from havre.manifest.services import AppService, PostgresService, Service, StaticService, with_project_defaults
from havre.manifest.values import Branch, Name, PositiveDuration, TimeOfDay
from havre.manifest.wording import did_you_mean, fail

PRODUCTION: Final = "production"
_HOUR: Final = 3600.0


class Environment(Model):
    """One running copy of the project, and what is different in it."""

    branch: Branch | None = Field(
        None, description="Branch that is deployed when no other is asked for.", examples=["main"]
    )
    protected: StrictBool | None = Field(
        None,
        description="Ask for the environment's name before it is interrupted or destroyed. "
        "Default: true for production, else false.",
        examples=[True],
    )
    services: dict[Name, dict[str, JsonValue]] = Field(
        default_factory=dict,
        description="What is different here, by service: any keys but `kind`. Mappings are merged, "
        "everything else is replaced, `null` removes a key.",
        examples=[{"api": {"replicas": 1, "domain": "api.staging.example.org"}}],
    )


class Backup(Model):
    """When images, volumes and Havre's state are saved, how long copies are kept, what is aimed at."""

    daily: TimeOfDay = Field(
        "03:00",
        description="From when on (UTC) everything is saved anew, each day, beside after each deployment.",
        examples=["03:00"],
    )
    local: Copies = Field(
        Copies(), description="How long copies stay on the server; `7d` for short.", examples=["7d"]
    )
    offsite: CopiesElsewhere = Field(
        CopiesElsewhere(),
        description="How long copies stay in the off-site storage; `30d` for short.",
        examples=["30d"],
    )
    verify: Verify = Field(
        Verify(),
        description="When all that is saved is read back; of a large archive a tenth, another one each time.",
        examples=[{"schedule": "0 5 * * 6"}],
    )
    rpo: PositiveDuration = Field(
        _HOUR, description="Recovery point objective: how much may be lost at most.", examples=["1h"]
    )
    rto: PositiveDuration = Field(
        4 * _HOUR, description="Recovery time objective: how long coming back may take.", examples=["4h"]
    )
    on_failure: Hook | None = Field(
        None,
        description="Who is told when saving images, volumes and Havre's state failed, when nothing was saved"
        " for two days, when what is saved could not be read back, and when that is over. Default: whom the"
        " `backups` of the databases name.",
        examples=[{"url": {"secret": "alert-hook"}}],
    )


class _WithServices(Model):
    """What holds services and knows the project's name."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        services = with_project_defaults(data.get("project"), data.get("services"))
        return {**data, "services": services} if "services" in data else data


class EnvironmentSpec(_WithServices):
    """What the manifest says about one environment, overrides merged in.

    ``model_dump(mode="json")`` and ``model_validate`` are inverse, so a release can store it.
    """

    project: Name
    environment: Name
    branch: Branch | None = None
    services: dict[Name, Service]
    protected: bool = False
    backup: Backup = Backup()
    drill: Drill = Drill()

    @property
    def objectives(self) -> Objectives:
        """What is aimed at when data is lost."""
        return Objectives(rto=self.backup.rto, rpo=self.backup.rpo)


class Manifest(_WithServices):
    """All of ``havre.yaml``."""

    project: Name = Field(description="Name of the project.", examples=["shop"])
    services: dict[Name, Service] = Field(
        min_length=1,
        description="The project's services by name; others reach a service by this name. "
        "The key `kind` chooses what else can be said.",
        examples=[{"db": {"kind": "postgres"}}],
    )
    environments: dict[Name, Environment] = Field(
        default_factory=lambda: {PRODUCTION: Environment(branch="main")},
        min_length=1,
        description="The running copies of the project by name. Default: `production`, from branch `main`.",
        examples=[{"production": {"branch": "main"}}],
    )
    backup: Backup | None = Field(
        None,
        description="When data is saved, and for how long.",
        examples=[{"daily": "03:00", "local": "7d", "offsite": "30d", "rpo": "1h", "rto": "4h"}],
    )
    drill: Drill = Field(
        Drill(),
        description="Restore drills of the environments that have a database with backups.",
        examples=[{"schedule": "30 4 * * 0", "checks": [{"sql": "SELECT count(*) > 0 FROM member"}]}],
    )

    @model_validator(mode="after")
    def _checks_find_their_service(self) -> Manifest:
        databases = [name for name, each in self.services.items() if isinstance(each, PostgresService)]
        asked = [
            name
            for name, each in self.services.items()
            if isinstance(each, AppService | StaticService) and each.port is not None
        ]
        for number, check in enumerate(self.drill.checks, 1):
            known = databases if check.sql else asked
            what = "database (kind: postgres)" if check.sql else "service with a port"
            where = f"check {number} of drill"
            if check.service is None and len(known) != 1:
                found = f"there are {len(known)}" if known else "there is none"
                raise fail(f"{where} does not say which {what} is asked, and {found}", "name it by service")
            if check.service is not None and check.service not in known:
                raise fail(
                    f"{where} asks {check.service}, which is no {what}", did_you_mean(check.service, known)
                )
        return self

    def for_environment(self, name: str) -> EnvironmentSpec:
        """What is to run in one environment.

        Raises:
            UsageError: the manifest has no environment of this name.
        """
        environment = self.environments.get(name)
        if environment is None:
            known = ", ".join(sorted(self.environments))
            close = did_you_mean(name, self.environments)
            raise UsageError(
                f"{self.project} has no environment {name!r}; havre.yaml knows {known}",
                hint=close if close.startswith("did") else "add it under environments in havre.yaml",
            )
        written = self.model_dump(mode="json", include={"services"}, exclude_unset=True)["services"]
        return EnvironmentSpec.model_validate(
            {
                "project": self.project,
                "environment": name,
                "branch": environment.branch,
                "services": merge_services(written, environment.services),
                "protected": name == PRODUCTION if environment.protected is None else environment.protected,
                "backup": self.backup or Backup(),
                "drill": self.drill,
            }
        )
