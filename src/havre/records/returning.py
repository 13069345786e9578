"""The records of a server that was lost, as they begin on the next one."""

from __future__ import annotations

from django.db import transaction

from havre.errors import HavreError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.records import queries
from havre.records.models import Environment, Operation, Release

_ACTIVE = (Operation.State.QUEUED, Operation.State.RUNNING)


def prepare() -> tuple[dict[str, int], list[str]]:
    """End what was under way, and queue what brings each environment back; safe to do again.

    Returns:
        The number of the operation of each environment, and the host names that lead to them.
    """
    lost = HavreError("the server was lost during it", hint="ask for it again")
    for operation in Operation.objects.filter(state__in=_ACTIVE):
        queries.finish(operation, Operation.State.FAILED, error=lost, result=operation.result)
    numbers: dict[str, int] = {}
    hosts: set[str] = set()
    for environment in Environment.objects.select_related("project", "current_release"):
        release = environment.current_release
        if release is None:
            continue
        Environment.objects.filter(pk=environment.pk).update(shift={})
        numbers[str(environment)] = queries.enqueue("rebuild", environment, {}, actor="rebuild").pk
        hosts |= _hosts(release)
    return numbers, sorted(hosts)


@transaction.atomic
def serve_instead(environment: Environment, number: int) -> None:
    """Make an older release the current one, with the storage of the one that was; safe to do again."""
    lost, release = environment.current_release, queries.release_numbered(environment, number)
    if lost is None or lost.pk == release.pk:
        return
    release.storage_version = lost.storage_version
    queries.go_live(release)


def _hosts(release: Release) -> set[str]:
    services = EnvironmentSpec.model_validate(release.spec).services.values()
    routed = [service for service in services if isinstance(service, AppService | StaticService)]
    return {domain.host for service in routed for domain in service.domains}
