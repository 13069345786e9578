"""The steps of an upgrade in the database's images: the data of one version, carried over into the next."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from integration.image_containers import (
    engine,
    healthy,
    host,
    ids,
    inside,
    password_file,
    running,
    wait,
)

__all__ = ["engine", "host", "ids", "password_file"]

OLD, NEW, ID = "havre/postgres:15", "havre/postgres:17", "7"
FOLDER = "/var/lib/postgresql/data"
DATA = r"""
CREATE ROLE "rea'der" LOGIN PASSWORD 'for reading';
CREATE DATABASE "it's" OWNER "rea'der" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR';
ALTER DATABASE app SET statement_timeout = '11s';
ALTER SYSTEM SET work_mem = '5MB';
\connect app
CREATE EXTENSION pg_trgm;
CREATE COLLATION numeric (provider = icu, locale = 'fr-u-kn-true');
SET ROLE app;
CREATE TABLE member (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE numeric UNIQUE);
INSERT INTO member (name) SELECT 'member ' || n FROM generate_series(1, 1000) n;
CREATE INDEX ON member USING gin (name gin_trgm_ops);
CREATE TABLE visit (member_id int REFERENCES member, day date) PARTITION BY RANGE (day);
CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO visit SELECT id, '2026-01-01'::date + id % 300 FROM member;
CREATE MATERIALIZED VIEW busy AS SELECT count(*) FROM visit;
CREATE SEQUENCE ticket START 5000;
SELECT nextval('ticket'), nextval('ticket');
SELECT lo_from_bytea(4711, 'a large object');
GRANT SELECT ON member TO "rea'der";
RESET ROLE;
\connect "it's"
CREATE TABLE "no""tes" (n int);
INSERT INTO "no""tes" VALUES (1), (2);
"""


HOLDS = {
    "SELECT current_setting('server_version_num')::int / 10000": "17",
    "SHOW work_mem": "5MB",
    "SHOW statement_timeout": "11s",
    "SELECT count(*) FROM member": "1000",
    "SELECT name FROM member ORDER BY name LIMIT 3": "member 1\nmember 2\nmember 3",
    "SELECT count FROM busy": "1000",
    "SELECT nextval('ticket')": "5002",
    "INSERT INTO member (name) VALUES ('new') RETURNING id": "1001",
    "SELECT convert_from(lo_get(4711), 'UTF8')": "a large object",
    "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'member'": "app",
    "SELECT has_table_privilege('rea''der', 'member', 'SELECT')": "t",
    "SELECT rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname = 'rea''der'": "t",
    "SELECT count(*) > 0 FROM member WHERE name % 'member 77'": "t",
    "SELECT datlocprovider, datlocale FROM pg_database WHERE datname = 'it''s'": "i|fr-FR",
    "SELECT reltuples FROM pg_class WHERE relname = 'member'": "1000",  # there are statistics
}


class Volume:
    """The volume of a database, and containers that have it."""

    def __init__(self, engine: docker.DockerClient, name: str, password_file: Path) -> None:
        self.engine = engine
        self.name = name
        self._password_file = password_file

    def run(self, image: str, *command: str) -> AbstractContextManager[Container]:
        """The server, or one of the steps."""
        return running(
            self.engine,
            image,
            environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "app"},
            init=True,  # as Swarm is told to: else the server takes the end of a foreign child for a crash
            volumes=[f"{self.name}:{FOLDER}", f"{self._password_file}:/run/secrets/password:ro"],
            **({"entrypoint": command[0], "command": list(command[1:])} if command else {}),
        )

    def step(self, image: str, action: str) -> tuple[int, str]:
        """A step to its end: its code and what it wrote."""
        with self.run(image, "havre-upgrade", action, ID) as container:
            code = int(container.wait(timeout=180)["StatusCode"])
            return code, container.logs().decode()

    def rehearse(self, server: Container) -> tuple[int, str]:
        """Everything but the rows, from a server that serves."""
        assert inside(server, "havre-upgrade", "lend", ID) == (0, "")
        assert inside(server, "havre-upgrade", "lend", ID) == (0, ""), "it may be asked for twice"
        found = self.step(NEW, "rehearse")
        assert inside(server, "havre-upgrade", "withdraw", ID) == (0, "")
        return found


@pytest.fixture
def volume(engine: docker.DockerClient, ids: dict[str, str], password_file: Path) -> Iterator[Volume]:
    made = engine.volumes.create(f"upgrade-test-{uuid.uuid4().hex[:8]}")
    yield Volume(engine, made.name, password_file)
    made.remove(force=True)


def sql(container: Container, statement: str, database: str = "app") -> str:
    code, answer = inside(
        container, "psql", "-U", "postgres", "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement
    )
    assert code == 0, answer
    return answer


def start(container: Container) -> None:
    wait(lambda: healthy(container), seconds=90, what="PostgreSQL is not healthy")


def test_everything_of_the_earlier_version_is_in_the_later_one(volume: Volume) -> None:
    with volume.run(OLD) as server:
        start(server)
        script = f"cat >/tmp/data.sql <<'HAVRE'\n{DATA}\nHAVRE\n"
        assert inside(server, "bash", "-c", script) == (0, "")
        code, told = inside(
            server,
            *["psql", "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "/tmp/data.sql", "postgres"],
        )
        assert code == 0, told
        assert sql(server, "SHOW server_version_num").startswith("15")
        code, told = volume.rehearse(server)
        assert code == 0, told
        assert "for reading" not in told
        assert "SCRAM-SHA-256" not in told
        # What is not possible in the later version is told before anything is stopped.
        sql(server, "CREATE VIEW gone AS SELECT checkpoints_timed FROM pg_stat_bgwriter")
        code, told = volume.rehearse(server)
        assert code != 0
        assert "column" in told
        assert "checkpoints_timed does not exist" in told
        sql(server, "DROP VIEW gone")
        assert sql(server, "SELECT count(*) FROM member") == "1000"
        server.stop(timeout=60)

    with volume.run(OLD, "havre-upgrade", "serve", ID) as serve:
        code, told = volume.step(NEW, "fill")
        assert code == 0, told
        assert "3 tables and 2 sequences are the same" in told
        assert serve.wait(timeout=60)["StatusCode"] == 0, "it ends by itself"
    code, told = volume.step(NEW, "fill")
    assert (code, "filled before" in told) == (0, True), told
    with volume.run(NEW) as refusing:
        assert refusing.wait(timeout=60)["StatusCode"] == 1
        assert "pgdata is of PostgreSQL 15, this is 17: not touched" in refusing.logs().decode()
    with volume.run(NEW, "havre-swap", "there", ID) as swap:
        assert swap.wait(timeout=60)["StatusCode"] == 0

    with volume.run(NEW) as server:
        start(server)
        for statement, answer in HOLDS.items():
            assert sql(server, statement) == answer
        assert sql(server, 'SELECT count(*) FROM "no""tes"', "it's") == "2"
        inside(server, "havre-upgrade", "clear", ID)
        there = inside(server, "ls", FOLDER)[1].split()
        assert there == ["pgdata", f"pgdata.replaced-{ID}"]


def test_a_killed_filling_begins_anew_and_the_earlier_version_serves_as_before(volume: Volume) -> None:
    with volume.run(OLD) as server:
        start(server)
        sql(server, "CREATE TABLE t AS SELECT generate_series(1, 10) AS n")
        server.stop(timeout=60)
    with volume.run(OLD, "havre-upgrade", "serve", ID) as serve:
        with volume.run(NEW, "havre-upgrade", "fill", ID) as fill:
            wait(lambda: "database app" in fill.logs().decode(), seconds=90)
            fill.kill()
        code, told = volume.step(NEW, "fill")
        assert code == 0, told
        assert serve.wait(timeout=60)["StatusCode"] == 0
    with volume.run(NEW, "havre-swap", "there", ID) as swap:
        assert swap.wait(timeout=60)["StatusCode"] == 0
    with volume.run(NEW, "havre-swap", "back", ID) as swap:
        assert swap.wait(timeout=60)["StatusCode"] == 0
    with volume.run(OLD) as server:
        start(server)
        assert sql(server, "SELECT count(*) FROM t") == "10"
        assert sql(server, "INSERT INTO t VALUES (11) RETURNING n") == "11", "it is not read-only any more"
