"""Operations: queue, list, show, cancel. What they do is the worker's business."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Body, Query, Router, Status
from pydantic import Field

from havre.adapters import sealing
from havre.config import config
from havre.domain import consent
from havre.domain.access import OPERATIONS, Action
from havre.errors import ConsentError, UsageError
from havre.interfaces import worker_client
from havre.interfaces.api import lookup, requests, schemas
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.permissions import permit, permit_kind, permit_new, project_of, visible_projects
from havre.interfaces.api.problems import ForbiddenError
from havre.manifest import load
from havre.manifest.place import spec_for
from havre.manifest.values import Name
from havre.records import erasures, manifests, queries, schedule
from havre.records.models import Environment, Operation, Project
from havre.records.planned import planned_job

router = Router(tags=["operations"])

Id = Annotated[int, Field(ge=1, lt=2**63)]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@router.post("", response={202: schemas.Operation}, summary="Queue an operation")
def enqueue(
    request: HttpRequest,
    wanted: Body[requests.WantedOperation],
) -> Status[dict[str, Any]]:
    """Record an operation for the worker, and wake it.

    A deployment and a plan make project and environment if they are new. Only callers by the unix
    socket may name a folder of the server as source. A protected environment has to be named by
    ``confirm``: 422 with ``confirm``, the name, where it was not. The worker asks for it too before a
    deployment or a plan interrupts or destroys.
    """
    caller = caller_of(request)
    params = wanted.params.model_dump(mode="json")
    permit_kind(caller, wanted.kind, wanted.project)
    manifest = params.pop("manifest", None)  # whoever may see the operation may not see its values
    if manifest:
        spec_for(load(manifest), wanted.project, wanted.environment)
    if isinstance(wanted, requests.Deploy | requests.Plan | requests.Apply):
        permit_new(caller, OPERATIONS[wanted.kind], wanted.project)
        environment = _from_source(wanted, caller)
    else:
        environment = lookup.environment(wanted.project, wanted.environment)
    if isinstance(wanted, requests.Apply):
        params["ref"] = wanted.params.plan.commit
    if not params.get("dry_run"):
        require_consent(wanted.kind, environment, params.get("confirm", ""))
    if isinstance(wanted, requests.Cron):
        job = planned_job(environment, wanted.params.job)
        operation = schedule.start_now(environment, job.name, job.params, actor=caller.actor)
    elif isinstance(wanted, requests.Erase):
        del params["value"]
        value = wanted.params.value
        public = config().paths.public_key
        sealed = sealing.seal(public, value.get_secret_value().encode()) if value else None
        operation = erasures.enqueue(environment, params, sealed=sealed, actor=caller.actor)
    else:
        operation = queries.enqueue(wanted.kind, environment, params, actor=caller.actor)
    if manifest:
        manifests.give(operation, manifest)
    transaction.on_commit(lambda: worker_client.wake(config().paths))
    return Status(202, shown(operation))


@router.get("", response=list[schemas.Operation], summary="List operations, the newest first")
def recent(  # noqa: PLR0917 - ninja calls it by keyword
    request: HttpRequest,
    project: Name | None = None,
    environment: Name | None = None,
    state: State | None = None,
    before: Id | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """``before`` is the number of an operation: the page after the one that ended with it."""
    rows = _filtered(project, environment)
    if (seen := visible_projects(caller_of(request))) is not None:
        rows = rows.filter(environment__project__name__in=seen)
    if state:
        rows = rows.filter(state=state)
    if before:
        rows = rows.filter(id__lt=before)
    rows = rows.select_related("environment__project").prefetch_related("steps")
    return [shown(row) for row in rows.order_by("-id")[:limit]]


@router.get("/{number}", response=schemas.Operation, summary="Show an operation")
def show(request: HttpRequest, number: Id) -> dict[str, Any]:
    """One operation with its steps."""
    return shown(lookup.operation(number, caller_of(request)))


@router.post("/{number}/cancel", response={202: schemas.Operation}, summary="Cancel an operation")
def cancel(request: HttpRequest, number: Id) -> Status[dict[str, Any]]:
    """Ask an operation to stop; what it changed is undone. It takes the role that starting it does."""
    caller = caller_of(request)
    found = lookup.operation(number, caller)
    permit(caller, Action.CANCEL, project_of(found))
    permit_kind(caller, found.kind, project_of(found))
    queries.request_cancel(found)
    transaction.on_commit(lambda: worker_client.wake(config().paths))
    return Status(202, shown(lookup.operation(number, caller)))


def shown(operation: Operation) -> dict[str, Any]:
    """An operation as the API answers it."""
    environment = operation.environment
    return {
        **{field: getattr(operation, field) for field in _FIELDS},
        "project": environment.project.name if environment else "",
        "environment": environment.name if environment else "",
        "steps": list(operation.steps.all()),
    }


_FIELDS = tuple(schemas.Operation.model_fields.keys() - {"project", "environment", "steps"})


def _filtered(project: str | None, environment: str | None) -> QuerySet[Operation]:
    wanted = Q()
    if project:
        wanted &= Q(environment__project__name=project)
    if environment:
        wanted &= Q(environment__name=environment)
    if project and environment:  # also those whose environment was destroyed since
        wanted |= Q(environment=None, target=f"{project}-{environment}")
    return Operation.objects.filter(wanted)


def require_consent(kind: str, environment: Environment, given: str) -> None:
    """Refuse what needs the name of a protected environment, see :mod:`havre.domain.consent`.

    Raises:
        ConsentError: it is protected, and the name was not given.
    """
    if consent.is_wanted(kind, is_protected=queries.is_protected(environment)) and given != str(environment):
        raise ConsentError(
            f"{environment} is protected: {consent.doing(kind)} has to be confirmed",
            confirm=str(environment),
            hint=f"give its full name, {environment}, as `confirm`",
        )


def _from_source(wanted: requests.Deploy | requests.Plan | requests.Apply, caller: Caller) -> Environment:
    params = wanted.params
    if isinstance(wanted, requests.Plan) and wanted.params.drift:
        return lookup.environment(wanted.project, wanted.environment)
    if params.source is None:
        remembered = Project.objects.filter(name=wanted.project).values_list("source", flat=True).first()
        if not remembered:
            raise UsageError(
                f"it is not known where the repository of {wanted.project} is",
                hint="name it once: a Git address, or on the server itself a folder",
            )
        source = remembered
    else:
        source = params.source
    if not caller.is_local and not schemas.is_git_url(source):
        raise ForbiddenError(
            f"{source} is a folder of the server, which only its administrator may deploy",
            hint="name a Git address, or deploy on the server itself",
        )
    if isinstance(wanted, requests.Plan):  # which changes nothing, also not the source remembered
        return queries.ensure_environment(wanted.project, wanted.environment, source="")
    return queries.ensure_environment(
        wanted.project, wanted.environment, source=params.source or "", subfolder=params.subfolder
    )
