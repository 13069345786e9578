"""Whose a domain is: the environment's that serves it, or Havre's own."""

from __future__ import annotations

from havre.config import Config
from havre.errors import ConflictError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.records.models import Environment


def refuse_taken(config: Config, environment: Environment, spec: EnvironmentSpec) -> None:
    """Refuse a host and path that another environment of this server serves now.

    Raises:
        ConflictError: one is taken, or is Havre's own.
    """
    wanted = places(spec)
    if config.domain and any(host == config.domain for host, _ in wanted):
        raise ConflictError(
            f"{config.domain} is Havre's own domain", hint="choose another one", retryable=False
        )
    others = Environment.objects.exclude(pk=environment.pk).exclude(current_release=None)
    for other in others.select_related("project", "current_release"):
        release = other.current_release
        if release is None:
            continue
        taken = sorted(wanted & places(EnvironmentSpec.model_validate(release.spec)))
        if taken:
            host, path = taken[0]
            raise ConflictError(
                f"{host}{path} is served by {other.project.name}/{other.name}",
                hint="choose another domain, or take it away there first",
                retryable=False,
            )


def places(spec: EnvironmentSpec) -> frozenset[tuple[str, str]]:
    """Every host and path that the services of an environment answer, redirects included."""
    return frozenset(
        place
        for service in spec.services.values()
        if isinstance(service, AppService | StaticService)
        for domain in service.domains
        for place in (
            *((domain.host, path) for path in domain.paths),
            *((host, "/") for host in domain.redirect_from),
        )
    )
