"""Restore drills in the records: their history, and when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from havre.domain.continuity.objectives import Objectives, as_objectives
from havre.manifest import EnvironmentSpec
from havre.manifest.cron import CronJob
from havre.records import continuity
from havre.records.models import Drill, Environment, Operation

KEPT: Final = 500
"""Drills that are remembered of an environment: more than nine years of weekly ones."""
_KEPT_FACTS: Final = ("databases", "services", "volumes", "dumps", "checks")


@dataclass(frozen=True)
class PlannedDrill:
    """A drill of an environment at certain times. ``job`` says when; its command is not used."""

    job: CronJob
    name: str = "drill"
    kind: ClassVar[str] = "drill"
    """Of its operation."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of its operation."""
        return {"repository": None}


def planned_drills(environment: Environment) -> dict[str, PlannedDrill]:
    """The drill that the live release plans, by name; none where nothing is backed up."""
    release = environment.current_release
    if release is None or not continuity.databases_of(release):
        return {}
    drill = EnvironmentSpec.model_validate(release.spec).drill
    if not drill.enabled:
        return {}
    job = CronJob(schedule=drill.schedule, timezone=drill.timezone, command=("drill",))
    return {"drill": PlannedDrill(job)}


def record(operation: Operation, *, problem: str, finished_at: datetime) -> Drill | None:
    """Remember how a drill ended, once; None if it had not begun.

    Args:
        operation: with the result that its steps stored.
        problem: why it is not good; empty if it is.
        finished_at: when.
    """
    result, environment = operation.result, operation.environment
    if environment is None or "drill" not in result:
        return None
    facts = result["drill"]
    objectives = as_objectives(facts["objectives"])
    kept: dict[str, Any] = {key: result[key] for key in _KEPT_FACTS if key in result}
    row, _ = Drill.objects.update_or_create(
        operation=operation,
        defaults={
            "environment": environment,
            "actor": operation.actor,
            "repository": facts["repository"],
            "release": facts["release"],
            "is_good": not problem,
            "problem": problem,
            "rto": result.get("rto"),
            "rpo": result.get("rpo"),
            "objective_rto": objectives.rto,
            "objective_rpo": objectives.rpo,
            "started_at": datetime.fromisoformat(facts["started_at"]),
            "finished_at": finished_at,
            "data": kept,
        },
    )
    old = Drill.objects.filter(environment=environment).order_by("-started_at", "-pk")
    Drill.objects.filter(pk__in=list(old.values_list("pk", flat=True)[KEPT:])).delete()
    return row


def history(environment: Environment, *, limit: int) -> list[Drill]:
    """The newest drills of an environment, the newest first."""
    return list(Drill.objects.filter(environment=environment).order_by("-started_at", "-pk")[:limit])


def objectives_of(environment: Environment) -> Objectives:
    """What the live release aims at; the defaults where nothing is deployed."""
    release = environment.current_release
    return EnvironmentSpec.model_validate(release.spec).objectives if release else Objectives()
