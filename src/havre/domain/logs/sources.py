"""Where lines come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from havre.domain import naming


class Source(NamedTuple):
    """What writes a log.

    A service of an environment; the environment itself, without a service: what Havre does to it; or,
    without project and environment, something of the server, such as its router.
    """

    project: str
    environment: str
    service: str

    def __str__(self) -> str:
        return "/".join(self)


def source_of(text: str) -> Source:
    """The source of this name, as ``str`` made it."""
    project, environment, service = text.split("/", 2)
    return Source(project, environment, service)


def source_of_service(name: str, labels: Mapping[str, str]) -> Source | None:
    """Where the lines of a Swarm service belong; None if it is not Havre's."""
    if name == naming.ROUTER_SERVICE:
        return Source("", "", "router")
    project, environment = labels.get(naming.PROJECT, ""), labels.get(naming.ENVIRONMENT, "")
    service = labels.get(naming.SERVICE, "")
    return Source(project, environment, service) if project and environment and service else None


def of_environment(
    known: Iterable[str], project: str, environment: str, services: Iterable[str] = ()
) -> list[str]:
    """The sources of an environment among those known, all or some services', always its own."""
    wanted = {str(Source(project, environment, service)) for service in (*services, "")} if services else None
    prefix = f"{project}/{environment}/"
    return sorted(name for name in known if name.startswith(prefix) and (wanted is None or name in wanted))
