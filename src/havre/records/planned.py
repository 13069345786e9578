"""Scheduled commands as the live releases have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from havre.errors import UsageError
from havre.manifest import AppService, EnvironmentSpec
from havre.manifest.cron import CronJob
from havre.records.models import Environment


@dataclass(frozen=True)
class Planned:
    """A job as the live release of an environment has it."""

    name: str
    service: str
    job: CronJob
    kind: ClassVar[str] = "cron"
    """Of its operation."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of its operation."""
        return {
            "job": self.name,
            "service": self.service,
            "command": list(self.job.command),
            "timeout": self.job.timeout,
        }


def planned(environment: Environment) -> dict[str, Planned]:
    """The jobs of the live release by name; none where nothing is deployed."""
    release = environment.current_release
    if release is None:
        return {}
    return jobs_of(EnvironmentSpec.model_validate(release.spec))


def jobs_of(spec: EnvironmentSpec) -> dict[str, Planned]:
    """The jobs of a release by name."""
    return {
        job: Planned(job, name, entry)
        for name, service in spec.services.items()
        if isinstance(service, AppService)
        for job, entry in service.cron.items()
    }


def planned_job(environment: Environment, name: str) -> Planned:
    """One job of the live release.

    Raises:
        UsageError: it has none of that name.
    """
    jobs = planned(environment)
    if name in jobs:
        return jobs[name]
    raise UsageError(
        f"the live release of {environment} has no scheduled command {name}",
        hint=f"it has {', '.join(sorted(jobs))}" if jobs else "add one under cron in havre.yaml, and deploy",
    )
