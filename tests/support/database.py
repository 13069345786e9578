"""A deployed database, seen from inside its container."""

from __future__ import annotations

import docker


def container_of(engine: docker.APIClient, project: str, environment: str = "production") -> str:
    """The id of the container of a service ``db``; empty if none runs."""
    marks = {"project": project, "environment": environment, "service": "db", "role": "data"}
    found = engine.containers(filters={"label": [f"havre.{key}={value}" for key, value in marks.items()]})
    return str(found[0]["Id"]) if found else ""


def inside(
    engine: docker.APIClient,
    project: str,
    *command: str,
    environment: str = "production",
    user: str = "postgres",
) -> str:
    """What a command in the container of a database says; it has to end well."""
    made = engine.exec_create(container_of(engine, project, environment), list(command), user=user)
    out = engine.exec_start(made["Id"]).decode()
    assert engine.exec_inspect(made["Id"])["ExitCode"] == 0, out
    return str(out).strip()


def sql(engine: docker.APIClient, project: str, statement: str, *, environment: str = "production") -> str:
    """Ask a database, fields apart by ``|``."""
    command = ("psql", "-XAtq", "-d", project.replace("-", "_"), "-v", "ON_ERROR_STOP=1", "-c", statement)
    return inside(engine, project, *command, environment=environment)
