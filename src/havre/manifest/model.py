"""The manifest as a whole, and what it says about one environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, JsonValue, StrictBool, model_validator

from havre.errors import UsageError
from havre.manifest.overrides import merge_services
from havre.manifest.parts import Model
from havre.manifest.services import Service, with_project_defaults
from havre.manifest.values import Branch, Name, PositiveDuration, TimeOfDay
from havre.manifest.wording import did_you_mean

PRODUCTION: Final = "production"
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR


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
    """When data is saved, for how long it is kept, and what is aimed at. Recorded only, so far."""

    daily: TimeOfDay = Field("03:00", description="Time of the daily backup (UTC).", examples=["03:00"])
    local: PositiveDuration = Field(
        7 * _DAY, description="How long backups stay on the server.", examples=["7d"]
    )
    offsite: PositiveDuration = Field(
        30 * _DAY, description="How long backups stay in another place.", examples=["30d"]
    )
    rpo: PositiveDuration = Field(
        _HOUR, description="Recovery point objective: how much may be lost at most.", examples=["1h"]
    )
    rto: PositiveDuration = Field(
        4 * _HOUR, description="Recovery time objective: how long coming back may take.", examples=["4h"]
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
            }
        )
