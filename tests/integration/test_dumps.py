"""Dumps of a real server into a real archive: what is not good is told, and thrown away."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest

from havre.adapters.buildkit.platform import prepare
from havre.adapters.host import moments
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import Answer, run_inside, tell_inside
from havre.config import Config
from havre.domain.continuity import archive, dumping
from havre.domain.continuity.repositories import Repository
from havre.errors import BackupError
from havre.manifest import PostgresService
from havre.operations.context import Platform, Run, Step
from havre.operations.continuity.database import Database
from havre.operations.dump import Dump
from havre.records import dumps, queries
from havre.records.models import Operation
from integration.image_containers import healthy, running, wait

pytestmark = [pytest.mark.timeout(300), pytest.mark.django_db]
SCHEMA = """
CREATE TABLE member (id int PRIMARY KEY, note text);
INSERT INTO member SELECT n, md5(n::text) || md5((n + 1)::text) FROM generate_series(1, 20000) n;
CREATE TABLE visit (id int);
"""


class Server:
    """A database in a container, as far as dumping asks it something."""

    name = "db"

    def __init__(self, engine: Engine, container: str) -> None:
        self.engine = engine
        self.container = container
        service = PostgresService.model_validate({"kind": "postgres"})
        self.composition = SimpleNamespace(
            database=lambda _: "club", spec=SimpleNamespace(services={"db": service})
        )

    def identifier(self) -> str:
        return "7"

    def foreign(self, _identifier: str) -> str:
        return ""

    def query(self, statement: str, *, database: str = "postgres") -> str:
        command = ["psql", "--username=postgres", f"--dbname={database}", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        answer: Answer = tell_inside(self.engine, self.container, command, statement.encode())
        assert answer.is_good, answer.err
        return answer.out.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    host = os.environ["HAVRE_TEST_DOCKER_HOST"]
    prepare(host, report=lambda _line: None)
    password = tmp_path_factory.mktemp("db") / "password"
    password.write_text("hush\n")
    for folder in (password.parent, password.parent.parent):
        folder.chmod(0o755)
    environment = {"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "club"}
    client = docker.DockerClient(base_url=host)
    volumes = [f"{password}:/run/secrets/password:ro"]
    with running(client, "havre/postgres:17", environment=environment, volumes=volumes) as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        found = Server(Engine(host), str(container.id))
        found.query(SCHEMA, database="club")
        found.query("ANALYZE", database="club")
        yield found


@pytest.fixture(autouse=True)
def nothing_is_saved() -> Iterator[None]:
    """The repository of this server is not there yet, and not any more."""
    client = docker.DockerClient(base_url=os.environ["HAVRE_TEST_DOCKER_HOST"])

    def remove() -> None:
        for left in client.containers.list(all=True, filters={"volume": archive.LOCAL_VOLUME}):
            left.remove(force=True)
        for volume in client.volumes.list(filters={"name": archive.LOCAL_VOLUME}):
            volume.remove(force=True)

    remove()
    yield
    remove()
    client.close()


def make(server: Server, tmp_path: Path) -> tuple[Dump, str]:
    """A dump into the repository of this server, from its first to its last step; why it failed."""
    environment = queries.ensure_environment("shop", "production", source="x")
    operation = queries.enqueue("dump", environment, {"service": None}, actor="ada")
    config = Config(state=tmp_path)
    platform = Platform(config, server.engine, cast("Any", None), threading.Event(), cast("Any", None))
    run = Run(platform, operation, environment)
    run.step = Step("local", "", lambda: None)
    dump = Dump(run)
    dump._databases = [cast("Database", server)]
    dump.local()
    dump.offsite()
    dump.forget()
    try:
        dump.judge()
    except BackupError as error:
        queries.finish(operation, Operation.State.FAILED, result=operation.result)
        Operation.objects.filter(pk=operation.pk).update(error={"message": error.message})
        return dump, error.message
    queries.finish(operation, Operation.State.SUCCEEDED)
    return dump, ""


def stored(dump: Dump) -> list[str]:
    """The snapshots in the repository."""
    with dump._opened(archive.local()) as there:
        return [each.id for each in there.snapshots()]


def test_a_dump_is_read_back_and_a_bad_one_is_told_and_costs_no_older_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump, problem = make(server, tmp_path)
    assert problem == ""
    environment = dump.run.environment
    good = dumps.find(environment, "db", "latest", None)
    assert (good.tables, good.rows, good.repository) == (2, 20000, "local")
    assert good.size > 1_000_000
    assert stored(dump) == [good.snapshot]

    whole = dumping.command("club")
    text = " ".join(whole)
    bad = {
        "empty": (("sleep", "2"), "what was to be saved is empty"),
        "truncated": (("bash", "-c", f"{text} | head -c 300000"), "it is not whole"),
        "failed": (("bash", "-c", f"{text} | head -c 300000; echo 'pg_dump: no' >&2; exit 1"), "pg_dump: no"),
        "refused": (dumping.command("nobody"), 'database "nobody" does not exist'),
        "other": (("pg_dump", "-Fc", "-Z0", "-Upostgres", "-dpostgres"), "the dump holds 0 of 2 tables"),
    }
    for what, (command, told) in bad.items():
        monkeypatch.setattr(dumping, "command", lambda _, c=command: c)
        failed, problem = make(server, tmp_path)
        assert told in problem, what
        assert problem.startswith("db local: "), what
        assert dumps.last_failure(environment, "db") == problem
        assert stored(failed) == [good.snapshot], what
        assert dumps.newest(environment, "db", Repository.LOCAL) == good

    # Nearly all text is gone, and nobody deleted a row: told once; a second one like it is right.
    monkeypatch.setattr(dumping, "command", lambda _: whole)
    server.query("UPDATE member SET note = ''", database="club")
    _, problem = make(server, tmp_path)
    assert "the one before had" in problem
    after, problem = make(server, tmp_path)
    assert problem == ""
    newest = dumps.find(environment, "db", "latest", None)
    assert newest.size < good.size / 2
    assert set(stored(after)) == {good.snapshot, newest.snapshot}
    with dump._opened(archive.local()) as there:
        there.drop(newest.snapshot)
        dumps.forget_gone(Repository.LOCAL, {each.id for each in there.snapshots()})
    assert dumps.find(environment, "db", "", None) == good, "what is gone is not offered"
    assert run_inside(server.engine, server.container, ["ls", "/tmp"]).out.strip() == ""


def test_nothing_old_is_removed_while_the_date_is_not_believed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        dump, problem = make(server, tmp_path)
        assert problem == ""
    assert len(stored(dump)) == 3, "of one day the newest two stay, and the oldest of all"

    now = moments.now
    later = timedelta(weeks=6).total_seconds()
    monkeypatch.setattr(moments, "now", lambda: replace(now(), wall=now().wall + later))
    dump, problem = make(server, tmp_path)
    assert problem == ""
    assert "went forward by 42 days" in dump.forget()
    assert len(stored(dump)) == 4

    monkeypatch.setattr(moments, "now", now)
    dump, problem = make(server, tmp_path)
    assert problem == ""
    assert len(stored(dump)) == 3, "it was put right"
