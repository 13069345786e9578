"""Looking at what runs, for the CLI and the panel."""

from __future__ import annotations

from typing import Any

from havre.adapters.swarm.engine import Engine
from havre.config import config
from havre.domain import naming
from havre.domain.snapshot import Service
from havre.manifest import EnvironmentSpec
from havre.operations.routing import release_beside, shift_of
from havre.operations.workloads import Composition
from havre.records import drifts, queries
from havre.records.models import Environment, Release


def processes(project: str, environment: str) -> list[dict[str, Any]]:
    """One row per service of the environment: what is wanted and what runs.

    ``weight`` is the percent of a service's requests that a release gets during a canary, else None.
    """
    row = queries.environment_named(project, environment)
    snapshot = Engine(config().docker_host).environment(project, environment)
    release = row.current_release
    names = dict(release.swarm_services) if release else {}
    shift, beside = shift_of(row), release_beside(row)
    second = dict(beside.swarm_services) if beside else {}
    spec = EnvironmentSpec.model_validate(release.spec) if release else None
    changed = {each["name"]: [field["path"] for field in each["fields"]] for each in drifts.found(row)}
    shown = []
    for service in snapshot.of(project, environment):
        if service.is_job or service.label(naming.ROLE) not in {"app", "data"}:
            continue
        short = service.label(naming.SERVICE)
        is_beside = bool(shift and short in shift.weights and second.get(short) == service.name)
        is_serving = is_beside or names.get(short) == service.name or service.label(naming.ROLE) == "data"
        if not is_serving and service.replicas == 0:
            continue  # a rollback target: `havre releases` shows it
        weight = shift.weights.get(short) if shift and is_serving else None
        if weight is not None and not is_beside:
            weight = 100 - weight
        process = _process(service, row, release, spec, is_serving=is_serving)
        drift = changed.get(short, []) if is_serving else []
        shown.append({**process, "weight": weight, "drift": drift})
    return shown


def _process(
    service: Service,
    environment: Environment,
    release: Release | None,
    spec: EnvironmentSpec | None,
    *,
    is_serving: bool,
) -> dict[str, Any]:
    short = service.label(naming.SERVICE)
    wanted = spec.services.get(short) if spec else None
    newest = service.running[0] if service.running else (service.tasks[0] if service.tasks else None)
    url = ""
    if wanted and release and is_serving:
        url = Composition(config(), environment, release, spec, {}).public_url(wanted) if spec else ""
    return {
        "service": short,
        "kind": wanted.kind if wanted else service.label(naming.ROLE),
        "release": int(service.label(naming.RELEASE) or 0) or None,
        "replicas": service.replicas,
        "running": len(service.running),
        "state": _state(service, is_serving=is_serving),
        "image": service.image,
        "swarm_service": service.name,
        "since": newest.since if newest else "",
        "error": next((t.error for t in service.tasks if t.error), "")
        if len(service.running) < service.replicas
        else "",
        "urls": [url] if url else [],
    }


def _state(service: Service, *, is_serving: bool) -> str:
    if service.has_converged and len(service.running) == service.replicas:
        return "running" if is_serving else "draining"
    return "starting" if is_serving else "changing"
