"""The kinds of service together. Each stands in a file of its own: app, routed (static), data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import (
    Field,
)

from havre.manifest.app import AppService
from havre.manifest.data import PostgresService, RedisService
from havre.manifest.parts import (
    SecretReference,
)
from havre.manifest.routed import Routed, StaticService
from havre.manifest.strategy import Strategy
from havre.manifest.values import (
    is_name,
)

__all__ = [
    "SERVICE_MODELS",
    "AppService",
    "PostgresService",
    "RedisService",
    "Routed",
    "SecretReference",
    "Service",
    "ServiceSpec",
    "StaticService",
    "Strategy",
    "with_project_defaults",
]


ServiceSpec = AppService | StaticService | PostgresService | RedisService
Service = Annotated[ServiceSpec, Field(discriminator="kind")]
SERVICE_MODELS: Final[Mapping[str, type[ServiceSpec]]] = {
    "app": AppService,
    "static": StaticService,
    "postgres": PostgresService,
    "redis": RedisService,
}


def with_project_defaults(project: Any, services: Any) -> Any:
    """Services as written, with the names that a database takes from its project filled in."""
    if not isinstance(project, str) or not is_name(project) or not isinstance(services, dict):
        return services
    name = project.replace("-", "_")
    return {
        key: {"database": name, "user": name, **service}
        if isinstance(service, dict) and service.get("kind") == "postgres"
        else service
        for key, service in services.items()
    }
