"""Names of things in the engine, as ARCHITECTURE.md lists them."""

from __future__ import annotations

import hashlib
from typing import Final

EDGE_NETWORK: Final = "havre-edge"
ROUTER_SERVICE: Final = "havre-router"
APART: Final = "havre-anonymise"
"""Role of the container in which an anonymised copy is made, and beginning of its name."""

MANAGED: Final = "havre.managed"
PROJECT: Final = "havre.project"
ENVIRONMENT: Final = "havre.environment"
SERVICE: Final = "havre.service"
RELEASE: Final = "havre.release"
OPERATION: Final = "havre.operation"
ROLE: Final = "havre.role"
SPEC: Final = "havre.spec"


def environment_name(project: str, environment: str) -> str:
    """Name of an environment's private network, and prefix of all that is its own."""
    return f"{project}-{environment}"


def service_name(project: str, environment: str, service: str, release: int | None = None) -> str:
    """Name of a Swarm service; releases stand side by side, databases have no number."""
    name = f"{environment_name(project, environment)}-{service}"
    return name if release is None else f"{name}-r{release}"


def job_name(project: str, environment: str, service: str, release: int) -> str:
    """Name of the Swarm job that runs a release command."""
    return f"{service_name(project, environment, service, release)}-release"


def password_secret(environment: str, service: str, version: int) -> str:
    """Name of the Swarm secret that holds the password of a database or cache.

    ``environment`` is the name that :func:`environment_name` gives.
    """
    return f"{environment}-{service}-password-v{version}"


def backup_volume(environment: str, service: str) -> str:
    """Name of the volume that holds a database's local backups; the dot keeps it apart from others.

    ``environment`` here and below is the name that :func:`environment_name` gives.
    """
    return f"{environment}-{service}.backups"


def backup_config(environment: str, service: str, what: str, content: str) -> str:
    """Name of a Swarm configuration of a database's backups: another content is another name."""
    mark = hashlib.sha256(content.encode()).hexdigest()[:12]
    return _fitting(f"{environment}-{service}-{what}", f"-{mark}")


def offsite_secret(environment: str, service: str, version: int) -> str:
    """Name of the Swarm secret with the keys of a version of the off-site storage."""
    return _fitting(f"{environment}-{service}-offsite", f"-v{version}")


def task_name(project: str, environment: str, service: str, what: str, operation: int) -> str:
    """Name of the Swarm job by which an operation works on a database's files."""
    return f"{service_name(project, environment, service)}-{what}-{operation}"


def drill_name(operation: int, part: str = "") -> str:
    """Name of the network of a drill's copy; with a part, of a container or network of it."""
    return f"havre-drill-{operation}" + (f"-{part}" if part else "")


_LONGEST_SWARM_NAME: Final = 64


def _fitting(name: str, ending: str) -> str:
    """A name that the Swarm takes; what is too long ends in a hash of the whole."""
    room = _LONGEST_SWARM_NAME - len(ending)
    if len(name) <= room:
        return name + ending
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: room - 9]}-{mark}{ending}"


def run_name(project: str, environment: str, service: str, operation: int) -> str:
    """Name of the Swarm job of a one-off or scheduled command: one per operation, so never two."""
    return f"{service_name(project, environment, service)}-run-{operation}"


def image_tag(project: str, environment: str, service: str, commit: str, release: int) -> str:
    """Tag of a built image, for people; services use the image id.

    The environment is in it: two that deploy one commit would else take each other's image away.
    """
    return f"{project}/{service}:{environment}-{commit[:12]}-{release}"


def labels(
    project: str,
    environment: str,
    *,
    service: str = "",
    role: str = "",
    release: int | None = None,
    operation: int | None = None,
) -> dict[str, str]:
    """Labels that mark something in the engine as this environment's."""
    given = {
        MANAGED: "true",
        PROJECT: project,
        ENVIRONMENT: environment,
        SERVICE: service,
        ROLE: role,
        RELEASE: "" if release is None else str(release),
        OPERATION: "" if operation is None else str(operation),
    }
    return {key: value for key, value in given.items() if value}
