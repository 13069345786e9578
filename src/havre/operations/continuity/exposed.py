"""What would be lost with this server now, of every database that is backed up off-site."""

from __future__ import annotations

from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain.continuity.exposure import Exposed, at_risk
from havre.errors import HavreError
from havre.operations.continuity.view import DatabaseView, databases
from havre.operations.workloads import Composition
from havre.records.models import Environment


def exposed(config: Config) -> list[Exposed]:
    """Each database, asked now; one that does not run is left out, for that is told elsewhere."""
    engine, found = Engine(config.docker_host), []
    for environment in Environment.objects.select_related("project", "current_release"):
        release = environment.current_release
        if release is None or not release.storage_version:
            continue
        composition = Composition.unopened(config, release)
        for name in databases(composition):
            try:
                view = DatabaseView(engine, composition, name)
                archiving = view.archiving(view.streaming())
            except HavreError:
                continue
            objectives = composition.spec.objectives
            found.append(Exposed(f"{environment}/{name}", at_risk(archiving), objectives))
    return found
