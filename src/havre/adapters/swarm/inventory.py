"""Everything in the engine that carries Havre's mark, and the removal of one such thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import docker
from docker.errors import APIError, NotFound

from havre.adapters.swarm import jobs, networks
from havre.adapters.swarm.calls import explained, is_busy, is_leaving
from havre.adapters.swarm.engine import Engine
from havre.domain import naming
from havre.domain.audit import Kind, Thing
from havre.domain.overlay import in_use
from havre.errors import EngineError

_MARK: Final = {"label": f"{naming.MANAGED}=true"}
_TASK: Final = "com.docker.swarm.task.id"


def inventory(engine: Engine) -> tuple[Thing, ...]:
    """All that Havre made in this engine, as it is now.

    Containers of tasks are left out: they come and go with their service.

    Raises:
        EngineError: the engine did not answer.
    """
    client = engine.connect()
    try:
        with explained("listing what Havre made in the engine"):
            return tuple(_all(client))
    finally:
        client.close()


def _all(client: docker.APIClient) -> Iterator[Thing]:
    for service in client.services(filters=_MARK):
        spec = service["Spec"]
        labels = spec.get("Labels") or {}
        mode = spec.get("Mode") or {}
        is_job = "ReplicatedJob" in mode or labels.get(naming.ROLE) == "job"
        running = (mode.get("Replicated") or {}).get("Replicas", 0)
        yield _thing(Kind.JOB if is_job else Kind.SERVICE, spec["Name"], labels, running=running)
    for network in client.networks(filters=_MARK):
        yield _thing(Kind.NETWORK, network["Name"], network.get("Labels"))
    for secret in client.secrets(filters=_MARK):
        yield _thing(Kind.SECRET, secret["Spec"]["Name"], secret["Spec"].get("Labels"))
    for config in client.configs(filters=_MARK):
        yield _thing(Kind.CONFIG, config["Spec"]["Name"], config["Spec"].get("Labels"))
    for volume in client.volumes(filters=_MARK)["Volumes"] or ():
        yield _thing(Kind.VOLUME, volume["Name"], volume.get("Labels"))
    for container in client.containers(all=True, filters=_MARK):
        labels = container.get("Labels") or {}
        if _TASK not in labels:
            yield _thing(Kind.CONTAINER, container["Names"][0].lstrip("/"), labels)


def _thing(kind: Kind, name: str, labels: Mapping[str, str] | None, *, running: int = 0) -> Thing:
    marks = labels or {}
    project, environment = marks.get(naming.PROJECT, ""), marks.get(naming.ENVIRONMENT, "")
    number = marks.get(naming.OPERATION, "")
    return Thing(
        kind,
        name,
        naming.environment_name(project, environment) if project and environment else "",
        int(number) if number.isdigit() else None,
        running,
    )


def remove(engine: Engine, thing: Thing) -> None:
    """Remove a thing, once and without waiting; one that is gone already is fine.

    Raises:
        EngineError: the engine refused; retryable while something that ends still uses it.
        KeyError: things of that kind are not removed here.
    """
    client = engine.connect()
    act: Callable[[str], Any] = {
        Kind.JOB: client.remove_service,
        Kind.SERVICE: client.remove_service,
        Kind.SECRET: client.remove_secret,
        Kind.CONFIG: client.remove_config,
        Kind.NETWORK: client.remove_network,
        Kind.CONTAINER: lambda name: client.remove_container(name, force=True, v=True),
        Kind.VOLUME: client.remove_volume,
    }[thing.kind]
    try:
        with suppress(NotFound):
            act(thing.name)
        if thing.kind is Kind.JOB:
            jobs.remove_containers(engine, thing.name)
    except APIError as error:
        if is_busy(error) and thing.kind is Kind.NETWORK:
            raise in_use(thing.name, tuple(networks.holders(engine, thing.name))) from error
        raise EngineError(
            f"the {thing.kind} {thing.name} cannot be removed: {error.explanation or error}",
            retryable=is_leaving(error),
        ) from error
    finally:
        client.close()


REMOVED_HERE: Final = frozenset(
    {Kind.JOB, Kind.SERVICE, Kind.SECRET, Kind.CONFIG, Kind.NETWORK, Kind.CONTAINER, Kind.VOLUME}
)
"""The kinds that live in the engine and that :func:`remove` takes."""
