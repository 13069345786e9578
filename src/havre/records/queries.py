"""Reading and writing the records: queueing, claiming, following, releases.

Every function is a short transaction of its own and safe to call from any process.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from havre.errors import WRONG_REQUEST, ConflictError, HavreError, UsageError
from havre.manifest.model import PRODUCTION
from havre.records import continuity, erasures
from havre.records.models import Environment, Event, Operation, Project, Release, Secret, Step

_ACTIVE = (Operation.State.QUEUED, Operation.State.RUNNING)
COMMANDS: Final = frozenset({"run", "cron", "backup", "dump", "verify", "save", "drill", "extract"})
"""Kinds that run beside other operations of their environment: they change nothing of what runs."""
_ONE_AT_A_TIME: Final = ("drill",)
"""Commands of which one runs at a time on a server, whatever its environment: each takes much of it."""
KEPT_COMMANDS: Final = 200
"""One-off commands, and visits to containers, that an environment remembers of each."""
KEPT_LINES: Final = 10_000
"""Lines of a command's output that are kept; who follows has seen those before."""


def find_environment(project: str, environment: str) -> Environment | None:
    """The environment, if there is one."""
    rows = Environment.objects.select_related("project", "current_release")
    return rows.filter(project__name=project, name=environment).first()


def environment_named(project: str, environment: str) -> Environment:
    """The environment, or a UsageError that names the known ones."""
    found = find_environment(project, environment)
    if found:
        return found
    known = sorted(f"{e.project.name}/{e.name}" for e in Environment.objects.select_related("project"))
    raise UsageError(
        f"there is no environment {project}/{environment}",
        hint=f"known: {', '.join(known)}" if known else "deploy one first: havre deploy",
    )


def is_protected(environment: Environment) -> bool:
    """Whether an environment asks for its name before it is interrupted or destroyed.

    Its live release says so; before the first one, the manifest's default.
    """
    release = environment.current_release
    return bool(release.spec.get("protected")) if release else environment.name == PRODUCTION


@transaction.atomic
def ensure_environment(project: str, environment: str, *, source: str, subfolder: str = "") -> Environment:
    """The environment, made if it is new; a given source replaces the remembered one.

    Raises:
        ConflictError: names of its services could be those of another's. ``a``/``b`` and its service
            ``c-d`` would be ``a-b-c-d`` in the engine, as ``a``/``b-c`` and its service ``d``.
    """
    own = f"{project}-{environment}-"
    for other in Environment.objects.select_related("project"):
        is_other = (other.project.name, other.name) != (project, environment)
        if is_other and (own.startswith(f"{other}-") or f"{other}-".startswith(own)):
            raise ConflictError(
                f"{project}/{environment} would share its names with {other.project.name}/{other.name}",
                hint="choose a name that does not begin with the other and a hyphen: staging2, not staging-2",
                retryable=False,
            )
    row, created = Project.objects.get_or_create(
        name=project, defaults={"source": source, "subfolder": subfolder}
    )
    if not created and source and (row.source, row.subfolder) != (source, subfolder):
        row.source, row.subfolder = source, subfolder
        row.save(update_fields=["source", "subfolder"])
    return Environment.objects.get_or_create(project=row, name=environment)[0]


@transaction.atomic
def enqueue(kind: str, environment: Environment, params: dict[str, Any], *, actor: str) -> Operation:
    """Record an operation for the worker to claim. Commands of an environment that is to go are cancelled."""
    if kind == "destroy":
        for command in Operation.objects.filter(
            environment=environment, kind__in=COMMANDS, state__in=_ACTIVE
        ):
            with suppress(ConflictError):  # over a moment ago
                request_cancel(command)
    if kind == "run":
        _forget_old(kind, environment)
    return Operation.objects.create(
        kind=kind, environment=environment, target=str(environment), params=params, actor=actor
    )


def _forget_old(kind: str, environment: Environment) -> None:
    """Forget the oldest operations of a kind that is used again and again, but none under way."""
    over = Operation.objects.filter(kind=kind, environment=environment, state__in=Operation.FINAL)
    old = list(over.order_by("-id").values_list("pk", flat=True)[KEPT_COMMANDS:])
    Operation.objects.filter(pk__in=old).delete()


@transaction.atomic
def record_exec(environment: Environment, params: dict[str, Any], *, actor: str) -> Operation:
    """Put on record that somebody goes into a container; nothing is left to do."""
    _forget_old("exec", environment)
    operation = Operation.objects.create(
        kind="exec",
        environment=environment,
        target=str(environment),
        params=params,
        actor=actor,
        state=Operation.State.SUCCEEDED,
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    record_event(operation, "outcome", {"state": "succeeded", "error": None, "result": {}})
    return operation


def claim(worker: str, *, commands: bool = False) -> Operation | None:
    """The oldest operation that may run now, now this worker's; None if there is none.

    The claim is one conditional update whose row count tells who won, so any number of workers may
    try. At most one operation per environment runs at a time, and beside it any number of commands;
    only destroying an environment waits for its commands, and they for it, and a drill for that of any
    environment. Looking for drift does not wait for a canary, which may take days.

    Args:
        worker: boot id of the claimer.
        commands: look for one of :data:`COMMANDS`, else for one of the others.
    """
    here = Operation.objects.filter(environment=OuterRef("environment")).exclude(environment=None)
    running = here.filter(state=Operation.State.RUNNING)
    queued = Operation.objects.filter(state=Operation.State.QUEUED)
    if commands:
        ending = here.filter(state__in=_ACTIVE, kind="destroy")
        alike = Operation.objects.filter(state=Operation.State.RUNNING, kind=OuterRef("kind"))
        free = queued.filter(kind__in=COMMANDS).exclude(Exists(ending))
        free = free.exclude(Q(kind__in=_ONE_AT_A_TIME) & Exists(alike))
    else:
        others = running.exclude(kind__in=COMMANDS)
        canary = Q(result__has_key="canary") & ~Q(environment__shift={})
        may_look = Q(kind="plan", params__drift=True) & ~Exists(others.exclude(canary))
        free = queued.exclude(kind__in=COMMANDS).filter(~Exists(others) | may_look)
        free = free.exclude(Q(kind="destroy") & Exists(running))
    for pk in free.order_by("id").values_list("pk", flat=True)[:10]:
        with transaction.atomic():
            won = free.filter(pk=pk).update(
                state=Operation.State.RUNNING, worker=worker, attempt=1, started_at=timezone.now()
            )
        if won:
            return Operation.objects.select_related("environment__project").get(pk=pk)
    return None


def take_over(worker: str) -> list[Operation]:
    """The operations that an earlier worker left running, now this worker's, oldest first.

    Only one worker runs on a server (it holds a lock file), so whatever runs under another boot id
    was interrupted.
    """
    left = Operation.objects.filter(state=Operation.State.RUNNING).exclude(worker=worker)
    taken = []
    for operation in left.order_by("id").select_related("environment__project"):
        if left.filter(pk=operation.pk).update(worker=worker, attempt=operation.attempt + 1):
            operation.refresh_from_db()
            taken.append(operation)
    return taken


def in_step(name: str, operations: Iterable[Operation]) -> list[int]:
    """Those of these operations that were in a step when their worker died; ascending numbers."""
    steps = Step.objects.filter(operation__in=list(operations), name=name, state=Step.State.RUNNING)
    return list(steps.order_by("operation_id").values_list("operation_id", flat=True))


def request_cancel(operation: Operation) -> None:
    """Ask an operation to stop; one that is still queued ends at once.

    Raises:
        ConflictError: it is already over.
    """
    ended = Operation.objects.filter(pk=operation.pk, state=Operation.State.QUEUED).update(
        state=Operation.State.CANCELLED, cancel_requested=True, finished_at=timezone.now()
    )
    if ended:
        erasures.forget(operation)
        record_event(operation, "outcome", {"state": "cancelled", "error": None, "result": {}})
        return
    asked = Operation.objects.filter(pk=operation.pk, state=Operation.State.RUNNING).update(
        cancel_requested=True
    )
    if not asked:
        raise ConflictError(f"operation {operation.pk} is already over", retryable=False)


def finish(
    operation: Operation,
    state: Operation.State,
    *,
    error: HavreError | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Record the outcome, as one transaction with its event.

    The error's ``kind`` is ``usage`` if the request was wrong, else ``failure``.
    """
    problem = error and {
        "message": error.message,
        "hint": error.hint,
        "detail": error.detail,
        "retryable": error.retryable,
        "kind": "usage" if isinstance(error, WRONG_REQUEST) else "failure",
    }
    with transaction.atomic():
        Operation.objects.filter(pk=operation.pk).update(
            state=state, error=problem, result=result or {}, finished_at=timezone.now()
        )
        erasures.forget(operation)
        record_event(operation, "outcome", {"state": state, "error": problem, "result": result or {}})
    operation.refresh_from_db()


def record_event(operation: Operation, kind: str, data: dict[str, Any]) -> None:
    """Append one event."""
    Event.objects.create(operation=operation, kind=kind, data=data)


def record_log(operation: Operation, lines: Iterable[tuple[str, str]]) -> None:
    """Append log lines, each (source, line), in one transaction."""
    Event.objects.bulk_create(
        Event(operation=operation, kind="log", data={"source": source, "line": line})
        for source, line in lines
    )


def record_output(operation: Operation, lines: Iterable[tuple[str, str]], result: dict[str, Any]) -> None:
    """Append what a command wrote together with how far it was read; the oldest lines go beyond a limit."""
    with transaction.atomic():
        record_log(operation, lines)
        Operation.objects.filter(pk=operation.pk).update(result=result)
        kept = Event.objects.filter(operation=operation, kind="log").order_by("-id")
        oldest = kept.values_list("id", flat=True)[KEPT_LINES : KEPT_LINES + 1].first()
        if oldest is not None:
            Event.objects.filter(operation=operation, kind="log", id__lte=oldest).delete()


def events_after(operation: int, last: int, *, limit: int = 1000) -> list[Event]:
    """The next events of an operation after the event id ``last``."""
    return list(Event.objects.filter(operation_id=operation, id__gt=last).order_by("id")[:limit])


def steps_of(operation: Operation) -> QuerySet[Step]:
    """The steps of an operation in their order."""
    return Step.objects.filter(operation=operation).order_by("position")


@transaction.atomic
def new_release(environment: Environment, operation: Operation, **fields: Any) -> Release:
    """The draft of the next release; the same one again if this operation already made it."""
    existing = Release.objects.filter(environment=environment, operation=operation).first()
    if existing:
        return existing
    last = environment.releases.aggregate(last=Max("number"))["last"] or 0
    return Release.objects.create(
        environment=environment,
        operation=operation,
        number=last + 1,
        **{"storage_version": continuity.storage_version(), **fields},
    )


def resolved_image(environment: Environment, commit: str, service: str, name: str) -> str | None:
    """The reference to which an image's name was resolved for a commit that served already.

    The environment's own releases come first, then those of the project's other environments: what
    staging tried is what production gets. Releases that never served do not count, so that an image
    that was broken can be pushed again.
    """
    served = Release.objects.filter(
        environment__project=environment.project, commit=commit, live_at__isnull=False
    ).order_by("-live_at")
    own = [release for release in served if release.environment_id == environment.pk]
    others = [release for release in served if release.environment_id != environment.pk]
    for release in [*own, *others]:
        image = release.spec["services"].get(service, {}).get("image") or {}
        if image.get("name") == name and release.images.get(service):
            return str(release.images[service])
    return None


@transaction.atomic
def go_live(release: Release) -> None:
    """Make this release the environment's current one, which gets all requests."""
    environment = release.environment
    Release.objects.filter(environment=environment, state=Release.State.LIVE).exclude(pk=release.pk).update(
        state=Release.State.SUPERSEDED
    )
    release.state = Release.State.LIVE
    release.live_at = timezone.now()
    release.save()
    environment.current_release = release
    environment.shift = {}
    environment.save(update_fields=["current_release", "shift"])


def served_releases(environment: Environment) -> QuerySet[Release]:
    """The releases of an environment that serve or served, the newest first."""
    good = environment.releases.filter(state__in=(Release.State.LIVE, Release.State.SUPERSEDED))
    return good.order_by("-number")


def releases_that_changed_data(environment: Environment, *, since: int) -> list[int]:
    """Numbers of the releases after one whose release command ran: before that a restore point was made."""
    later = environment.releases.filter(number__gt=since, restore_point__isnull=False)
    return list(later.order_by("number").values_list("number", flat=True))


def release_numbered(environment: Environment, number: int) -> Release:
    """A release of the environment that was once live.

    Raises:
        UsageError: there is none of that number, or it never served.
    """
    good = served_releases(environment)
    release = good.filter(number=number).first()
    if release:
        return release
    known = ", ".join(str(n) for n in good.values_list("number", flat=True)[:10])
    raise UsageError(
        f"{environment} has no release {number} that served", hint=f"those that did: {known or 'none'}"
    )


def previous_release(environment: Environment) -> Release | None:
    """The newest release below the current one that served: what a plain rollback returns to."""
    current = environment.current_release
    if current is None:
        return None
    return (
        environment.releases.filter(state=Release.State.SUPERSEDED, number__lt=current.number)
        .order_by("-number")
        .first()
    )


def replaced_release(environment: Environment) -> Release | None:
    """The release that served before the present one, whatever its number: it is kept at 0 tasks."""
    last = (
        environment.operations.filter(state=Operation.State.SUCCEEDED, result__has_key="replaces")
        .order_by("-id")
        .first()
    )
    return environment.releases.filter(number=last.result["replaces"]).first() if last else None


def current_secrets(environment: Environment) -> dict[str, Secret]:
    """The newest version of each secret that is set, by name."""
    newest: dict[str, Secret] = {}
    for secret in Secret.objects.filter(environment=environment).order_by("name", "version"):
        newest[secret.name] = secret
    return {name: secret for name, secret in newest.items() if secret.unset_at is None}


def last_secret_version(environment: Environment, name: str) -> int:
    """The newest version of a secret, set or unset; 0 if it never was."""
    found = Secret.objects.filter(environment=environment, name=name).aggregate(v=Max("version"))["v"]
    return int(found or 0)


@transaction.atomic
def add_secret(
    environment: Environment, name: str, sealed: bytes, *, actor: str, generated: bool = False
) -> Secret:
    """Store the next version of a secret."""
    last = last_secret_version(environment, name)
    return Secret.objects.create(
        environment=environment,
        name=name,
        version=last + 1,
        sealed=sealed,
        actor=actor,
        generated=generated,
    )
