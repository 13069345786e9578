"""Ask databases and caches for their figures, through the engine."""

from __future__ import annotations

import json
from typing import Final

from havre.adapters.postgres import figures as asked
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside
from havre.domain.metrics.databases import of_postgres, of_redis
from havre.errors import HavreError
from havre.manifest import PostgresService, ServiceSpec
from havre.operations import databases, enter

_INFO: Final = ["sh", "-c", 'REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")" exec redis-cli INFO']
"""The password is read in the container, and stands in no list of arguments."""
_PATIENCE: Final = 10  # seconds


def ask(
    engine: Engine, project: str, environment: str, name: str, service: ServiceSpec
) -> tuple[dict[str, float], dict[str, float]]:
    """Gauges and counters of one.

    Raises:
        HavreError: it does not run on this node, or refuses.
    """
    place = enter.find(engine, project, environment, name)
    if isinstance(service, PostgresService):
        live = databases.Live(engine, place, service.database, "")
        return of_postgres(json.loads(live.ask(asked.FIGURES, database=live.database)))
    answer = run_inside(engine, place.task.container, _INFO, patience=_PATIENCE)
    if not answer.is_good:
        raise HavreError(f"the cache refused: {answer.err.strip()[:200]}")
    return of_redis(answer.out)
