"""What a database holds about a person, as one document; in the process of who asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from havre.adapters.postgres.persons import Act, Named
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.errors import UsageError
from havre.manifest import Manifest, PostgresService
from havre.operations import enter
from havre.operations.privacy.persons import People, named_by, with_persons


def service_with(
    manifest: Manifest, environment: str, table: str, service: str
) -> tuple[str, PostgresService]:
    """The database of a manifest that has persons in a table.

    Raises:
        UsageError: there is none, or several.
    """
    return with_persons(manifest.for_environment(environment).services, table, service, "havre.yaml")


def export(
    config: Config, target: tuple[str, str], database: tuple[str, PostgresService], column: str, value: str
) -> dict[str, Any]:
    """Everything of one person in one environment.

    Args:
        config: the server's settings.
        target: project and environment.
        database: its name and what the manifest says.
        column: of the person's row.
        value: what the person has in it.

    Returns:
        ``project``, ``environment``, ``database``, ``subject``, ``exported_at`` and ``tables``, by table the
        rows as PostgreSQL's ``row_to_json`` writes them; no tables if nobody is there.

    Raises:
        UsageError: several persons are meant, or the database does not run.
    """
    name, service = database
    engine = Engine(config.docker_host)
    place = enter.find(engine, *target, name)
    table = named_by(service, column)
    enter.note(place, ["privacy export"])
    people = People(engine, place.task.container, service)
    told = people.do(people.reach(to_erase=False), Named(b"-", column=column, value=value), Act.READ)
    if told.found > 1:
        raise UsageError(
            f"{told.found} persons of {table} have this {column}",
            hint="name them one by one, by a column that tells them apart",
        )
    return {
        "project": target[0],
        "environment": target[1],
        "database": name,
        "subject": f"{table}.{column}",
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": told.read,
    }
