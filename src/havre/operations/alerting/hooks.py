"""Whom the manifest names: ``on_failure`` of what is saved hears of its incidents, as a channel does."""

from __future__ import annotations

from typing import Final

from havre.config import Config
from havre.manifest import EnvironmentSpec, PostgresService
from havre.manifest.cron import Hook
from havre.operations import alerts
from havre.operations.workloads import Composition
from havre.records.models import Incident

_KINDS: Final = frozenset({"backup", "archive"})


def is_named(incident: Incident) -> bool:
    """Whether the manifest names somebody for it."""
    return bool(_hooks(incident))


def send(config: Config, incident: Incident, *, is_over: bool) -> None:
    """Post it to whom the manifest of the live release names; to nobody, if that changed meanwhile.

    Args:
        config: where the key of the secrets is that may name them.
        incident: of what is saved.
        is_over: whether its end is told.

    Raises:
        HavreError: somebody did not take it, or a secret cannot be opened.
    """
    hooks = _hooks(incident)
    if not hooks or incident.environment is None or incident.environment.current_release is None:
        return
    opened = Composition.of(config, incident.environment.current_release)
    document = {
        "project": opened.project,
        "environment": incident.environment.name,
        "service": incident.service,
        "about": f"backups: {incident.facts.get('problem', incident.kind)}",
        "outcome": "recovered" if is_over else "failed",
        "message": "it is over" if is_over else incident.facts.get("cause", ""),
    }
    for hook in hooks:
        alerts.send(opened, hook, document)


def _hooks(incident: Incident) -> list[Hook]:
    """Who is told about a database; or, without one, about all that is saved beside them."""
    environment, name = incident.environment, incident.service
    if incident.kind not in _KINDS or environment is None or environment.current_release is None:
        return []
    spec = EnvironmentSpec.model_validate(environment.current_release.spec)
    if not name and spec.backup.on_failure:
        return [spec.backup.on_failure]
    found = [
        service.backups.on_failure
        for each, service in spec.services.items()
        if isinstance(service, PostgresService) and name in {"", each} and service.backups.on_failure
    ]
    return [hook for number, hook in enumerate(found) if hook not in found[:number]]
