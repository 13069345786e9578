"""Drafts of releases: what a release is made of before it runs."""

from __future__ import annotations

from typing import Any

from havre.errors import UsageError
from havre.operations.context import Run
from havre.records import queries
from havre.records.models import Environment, Release


def variables_of(environment: Environment) -> list[list[str]]:
    """The environment's present variables, as a release keeps them: service, name, value."""
    return [[v.service, v.name, v.value] for v in environment.variables.order_by("service", "name")]


def live_release(environment: Environment) -> Release:
    """The release that serves.

    Raises:
        UsageError: nothing is deployed.
    """
    if environment.current_release is None:
        raise UsageError(f"nothing is deployed in {environment}", hint="deploy first: havre deploy")
    return environment.current_release


def like_the_live_one(run: Run, **fields: Any) -> Release:
    """The draft of a release of the live one's commit, manifest and images; the same one if it is there.

    Args:
        run: the operation that makes it.
        fields: what else it has: versions of secrets, variables, Swarm services; or has otherwise.

    Raises:
        UsageError: nothing is deployed.
    """
    current = live_release(run.environment)
    if current.storage_version is None:  # its database's image knows of no backups: deploying brings it
        fields["storage_version"] = None
    like: dict[str, Any] = {
        "commit": current.commit,
        "ref": current.ref,
        "subject": current.subject,
        "spec": current.spec,
        "images": current.images,
        "replicas": run.environment.replicas,
    }
    return queries.new_release(run.environment, run.operation, **{**like, **fields})
