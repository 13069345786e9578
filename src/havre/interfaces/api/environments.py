"""Projects, environments and their releases, as recorded; services, as the worker sees them."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Body, Router, Status

from havre.config import config
from havre.interfaces import worker_client
from havre.interfaces.api import lookup, operations, schemas
from havre.interfaces.api.access import caller_of, require_local
from havre.interfaces.api.permissions import visible_projects
from havre.manifest import EnvironmentSpec
from havre.manifest.values import Name
from havre.operations.workloads import Composition
from havre.records import drifts, queries
from havre.records.image_needs import kept_numbers
from havre.records.models import Environment, Operation, Project, Release

router = Router(tags=["environments"])


@router.get("/projects", response=list[schemas.Project], summary="List projects")
def projects(request: HttpRequest) -> list[dict[str, Any]]:
    """Every project that the caller may see, and the names of its environments."""
    rows = Project.objects.order_by("name").prefetch_related("environments")
    seen = visible_projects(caller_of(request))
    return [
        {
            "name": project.name,
            "source": project.source,
            "subfolder": project.subfolder,
            "environments": sorted(environment.name for environment in project.environments.all()),
        }
        for project in (rows if seen is None else rows.filter(name__in=seen))
    ]


@router.get("/environments", response=list[schemas.Environment], summary="List environments")
def environments(request: HttpRequest) -> list[dict[str, Any]]:
    """Every environment that the caller may see, with its live release."""
    busy = dict(
        Operation.objects.filter(state=Operation.State.RUNNING)
        .exclude(environment=None)
        .exclude(kind__in=queries.COMMANDS)
        .values_list("environment_id", "kind")
    )
    rows = Environment.objects.select_related("project", "current_release").order_by("project__name", "name")
    if (seen := visible_projects(caller_of(request))) is not None:
        rows = rows.filter(project__name__in=seen)
    drift = drifts.found_everywhere()
    return [_environment(row, busy.get(row.pk, ""), drift.get(row.pk, [])) for row in rows]


@router.get(
    "/environments/{project}/{environment}/releases",
    response=list[schemas.Release],
    summary="List releases, the newest first",
)
def releases(request: HttpRequest, project: Name, environment: Name) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Every release with how its images were built."""
    row = lookup.environment(project, environment)
    targets = (queries.previous_release(row), queries.replaced_release(row))
    restorable = kept_numbers(row, config().keep_releases)
    kept = {release.pk for release in targets if release} - {row.current_release_id}
    return [
        {
            **{field: getattr(release, field) for field in _FIELDS},
            "current": release.pk == row.current_release_id,
            "kept": release.pk in kept,
            "restorable": release.number in restorable and release.state in _SERVED,
            "builds": list(release.builds.all()),
        }
        for release in Release.objects.filter(environment=row).order_by("-number").prefetch_related("builds")
    ]


@router.get("/environments/{project}/{environment}/services", summary="List what runs")
async def services(request: HttpRequest, project: Name, environment: Name) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """One row per service: kind, release, wanted and running tasks, state, image, addresses."""
    await sync_to_async(lookup.environment)(project, environment)
    question = {"query": "ps", "project": project, "environment": environment}
    answer = await worker_client.ask(config().paths, question)
    rows: list[dict[str, Any]] = answer["rows"]
    return rows


@router.post(
    "/environments/{project}/{environment}/exec",
    response={201: schemas.Operation},
    summary="Record that somebody goes into a container",
)
def record_exec(
    request: HttpRequest, project: Name, environment: Name, wanted: Body[schemas.Exec]
) -> Status[dict[str, Any]]:
    """For `havre exec`, which does the rest without Havre. Only for callers by the unix socket.

    A protected environment has to be named by ``confirm``.
    """
    caller = require_local(request)
    row = lookup.environment(project, environment)
    operations.require_consent("exec", row, wanted.confirm)
    operation = queries.record_exec(row, wanted.model_dump(exclude={"confirm"}), actor=caller.actor)
    return Status(201, operations.shown(operation))


_SERVED = frozenset({Release.State.LIVE, Release.State.SUPERSEDED})
_FIELDS = tuple(schemas.Release.model_fields.keys() - {"current", "kept", "builds", "restorable"})


def _environment(row: Environment, busy: str, drift: list[dict[str, Any]]) -> dict[str, Any]:
    release = row.current_release
    return {
        "project": row.project.name,
        "environment": row.name,
        "release": release.number if release else None,
        "commit": release.commit if release else "",
        "subject": release.subject if release else "",
        "state": busy or ("live" if release else "new"),
        "deployed_at": release.live_at if release else None,
        "urls": _urls(row, release) if release else [],
        "beside": row.shift or None,
        "protected": queries.is_protected(row),
        "drift": drift,
    }


def _urls(row: Environment, release: Release) -> list[str]:
    spec = EnvironmentSpec.model_validate(release.spec)
    composition = Composition(config(), row, release, spec, {})
    return [url for service in spec.services.values() if (url := composition.public_url(service))]
