"""Which major version each database of an environment has: that of the release that serves it."""

from __future__ import annotations

from havre.domain.database_version import NEWEST, settled
from havre.manifest import EnvironmentSpec, PostgresService
from havre.records.models import Environment, Release


def tag_of(service: PostgresService) -> str:
    """The platform image that a database runs from."""
    return f"havre/postgres:{service.version or NEWEST}"


def image_name(version: int) -> str:
    """The name of the platform image of a version (see :mod:`havre.images`)."""
    return "postgres" if version == NEWEST else f"postgres-{version}"


def versions(release: Release | None) -> dict[str, int]:
    """The version of each database of a release."""
    if release is None:
        return {}
    services = EnvironmentSpec.model_validate(release.spec).services
    return {
        name: service.version or NEWEST
        for name, service in services.items()
        if isinstance(service, PostgresService)
    }


def settle(environment: Environment, spec: EnvironmentSpec) -> EnvironmentSpec:
    """What a manifest asks for, with a version for every database.

    Raises:
        UsageError: it asks for another version than the data have.
    """
    present = versions(environment.current_release)
    services = dict(spec.services)
    for name, service in spec.services.items():
        if isinstance(service, PostgresService):
            version = settled(name, service.version, present.get(name))
            services[name] = service.model_copy(update={"version": version})
    return spec.model_copy(update={"services": services})


def keep_present(release: Release, live: Release) -> None:
    """Make a release that is returned to run databases as the live one does: data have no way back."""
    spec, images = {**release.spec, "services": dict(release.spec["services"])}, dict(release.images)
    for name, version in versions(live).items():
        if name in versions(release):
            spec["services"][name] = {**spec["services"][name], "version": version}
            images[name] = live.images[name]
    release.spec, release.images = spec, images
    release.save(update_fields=["spec", "images"])
