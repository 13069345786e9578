"""The platform's PostgreSQL and Redis: they keep data and passwords, whenever they are killed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from integration.image_containers import (
    PASSWORD,
    engine,
    healthy,
    host,
    ids,
    inside,
    output,
    password_file,
    running,
    wait,
)

__all__ = ["engine", "host", "ids", "password_file"]


@pytest.fixture
def volume(engine: docker.DockerClient) -> Iterator[str]:
    made = engine.volumes.create(f"image-test-{uuid.uuid4().hex[:8]}")
    yield made.name
    made.remove(force=True)


@contextmanager
def postgres(
    engine: docker.DockerClient, volume: str, password_file: Path, **options: object
) -> Iterator[Container]:
    with running(
        engine,
        "havre/postgres:17",
        environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "drop-it"},
        volumes=[f"{volume}:/var/lib/postgresql/data", f"{password_file}:/run/secrets/password:ro"],
        **options,
    ) as container:
        yield container


def sql(
    container: Container, statement: str, *, password: str = PASSWORD, user: str = "drop-it"
) -> tuple[int, str]:
    return inside(
        container,
        *("env", f"PGPASSWORD={password}"),
        *("psql", "-h", "127.0.0.1", "-U", user, "-d", "drop-it", "-AtXc", statement),
    )


def test_postgres_keeps_data_and_follows_its_password(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    with postgres(engine, volume, password_file, mem_limit="256m") as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        assert sql(container, "create table t as select 7 as n; select n from t") == (0, "SELECT 1\n7")
        assert sql(container, "show data_checksums")[1] == "on"
        assert sql(container, "show shared_buffers")[1] == "64MB"
        assert sql(container, "select rolsuper from pg_roles where rolname = current_user")[1] == "f"
        assert sql(container, "select datcollate, datlocprovider from pg_database where datname = 'drop-it'")[
            1
        ] == ("C.UTF-8|b")
        code, answer = sql(container, "select 1", password="wrong")
        assert code != 0
        assert "password authentication failed" in answer
        code, answer = sql(container, "select 1", password="", user="postgres")
        assert code != 0, "the superuser has no password and stays inside"
        everything = container.top()["Processes"], container.logs().decode()
        assert PASSWORD not in str(everything)
        started = time.monotonic()
        container.stop(timeout=60)
        assert time.monotonic() - started < 50, "it heeded SIGTERM, and was not killed"
        assert container.wait()["StatusCode"] == 0
        assert "database system is shut down" in container.logs().decode()
    password_file.chmod(0o644)
    password_file.write_text("another")
    with postgres(engine, volume, password_file) as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        assert sql(container, "select n from t", password="another") == (0, "7")
        assert sql(container, "select 1")[0] != 0


@pytest.mark.parametrize("seconds", [0.25, 0.6, 0.9, 1.2])
def test_postgres_killed_at_any_moment_of_its_first_start_comes_up(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path, seconds: float
) -> None:
    with postgres(engine, volume, password_file) as container:
        time.sleep(seconds)
        container.kill()
    with postgres(engine, volume, password_file) as container:
        wait(lambda: healthy(container), what=container.logs().decode())
        assert sql(container, "select 1") == (0, "1")
        assert inside(container, "ls", "/var/lib/postgresql/data") == (0, "pgdata")


def test_postgres_touches_nothing_that_is_no_cluster(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    output(
        engine, "havre/postgres:17", "sh", "-c", "mkdir $PGDATA && echo mine >$PGDATA/file",
        volumes=[f"{volume}:/var/lib/postgresql/data"],
    )  # fmt: skip
    with postgres(engine, volume, password_file) as container:
        assert container.wait(timeout=20)["StatusCode"] == 1
        assert "no cluster and not empty: not touched" in container.logs().decode()


def test_pgbackrest_is_there(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    assert output(engine, "havre/postgres:17", "pgbackrest", "version").startswith("pgBackRest 2.")


def redis_says(container: Container, *command: str, password: str = PASSWORD) -> str:
    return inside(container, "env", f"REDISCLI_AUTH={password}", "redis-cli", "--no-auth-warning", *command)[
        1
    ]


def test_redis_wants_its_password_and_keeps_what_it_shall(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    options = {
        "environment": {
            "REDIS_PASSWORD_FILE": "/run/secrets/password",
            "REDIS_MAXMEMORY": "50mb",
            "REDIS_MAXMEMORY_POLICY": "allkeys-lru",
            "REDIS_PERSISTENCE": "aof",
        },
        "volumes": [f"{volume}:/data", f"{password_file}:/run/secrets/password:ro"],
        "read_only": True,
    }
    with running(engine, "havre/redis:8", **options) as container:
        wait(lambda: healthy(container), what="Redis is not healthy")
        assert redis_says(container, "set", "k", "v") == "OK"
        assert redis_says(container, "config", "get", "maxmemory").split() == ["maxmemory", "52428800"]
        assert "WRONGPASS" in redis_says(container, "get", "k", password="wrong")
        assert "NOAUTH" in redis_says(container, "get", "k", password="")
        assert PASSWORD not in str(container.top()["Processes"])
        assert PASSWORD not in container.logs().decode()
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == 0
    with running(engine, "havre/redis:8", **options) as container:
        wait(lambda: healthy(container), what="Redis is not healthy")
        assert redis_says(container, "get", "k") == "v"
