"""``havre db`` on a real server: figures, a dump that is read back, and databases made of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from havre.adapters.buildkit.platform import prepare
from havre.adapters.swarm.engine import Engine
from havre.domain.snapshot import Service, Task
from havre.errors import HavreError, UsageError
from havre.operations import databases
from havre.operations.databases import Live
from havre.operations.enter import Place
from integration.image_containers import healthy, running, wait

SCHEMA = """
CREATE EXTENSION citext;
CREATE TABLE member (id int PRIMARY KEY, email citext UNIQUE, note text);
ALTER TABLE member OWNER TO "drop-it";
INSERT INTO member SELECT n, 'member' || n || '@club.example', repeat(md5(n::text), 20)
  FROM generate_series(1, 20000) n;
ANALYZE;
"""


def quiet(_doing: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    host = os.environ["HAVRE_TEST_DOCKER_HOST"]
    prepare(host, report=lambda _line: None)
    password_file = tmp_path_factory.mktemp("db") / "password"
    password_file.write_text("hush\n")
    for folder in (password_file.parent, password_file.parent.parent):
        folder.chmod(0o755)
    environment = {"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "drop-it"}
    with running(
        docker.DockerClient(base_url=host),
        "havre/postgres:17",
        environment=environment,
        volumes=[f"{password_file}:/run/secrets/password:ro"],
    ) as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        task = Task("t", "club-production-db", 1, "running", "running", container=str(container.id))
        place = Place(Service("s", "club-production-db", (), "havre/postgres:17", 1), task)
        found = Live(Engine(host), place, "drop-it", "drop-it")
        found.ask(SCHEMA, database="drop-it")
        yield found


def rows(live: Live, database: str) -> str:
    return live.ask(
        "SELECT count(*), min(tableowner) FROM member, pg_tables WHERE tablename = 'member'",
        database=database,
    )


def test_figures_tell_how_it_is_and_what_is_slow(live: Live) -> None:
    live.ask("SELECT count(*) FROM member WHERE note LIKE '%a-secret-value%'", database="drop-it")
    live.ask("UPDATE member SET note = note || 'x'; DELETE FROM member WHERE id > 20000;", database="drop-it")
    holding = threading.Thread(
        target=live.ask, args=("BEGIN; SELECT 1; SELECT pg_sleep(5);",), kwargs={"database": "drop-it"}
    )
    holding.start()
    wait(lambda: databases.figures(live)["longest_transaction"], what="no open transaction is seen")
    found = databases.figures(live)
    holding.join()
    assert found["size"] > 10_000_000
    assert found["connections"]["now"] >= 1
    assert 0 < found["cache_hit"] <= 1
    assert found["longest_transaction"]["seconds"] < 60
    assert found["archive"]["is_on"] is False
    assert "changes are not saved continuously: switch backups on (backups: true)" in found["warnings"]
    told = str(found["statements"])
    assert "SELECT count(*) FROM member WHERE note LIKE $1" in told
    assert "a-secret-value" not in told
    assert "PASSWORD" not in live.ask("SELECT string_agg(query, ' ') FROM pg_stat_statements")
    live.ask("ANALYZE", database="drop-it")
    (bloat,) = [table for table in databases.figures(live)["bloat"] if table["table"] == "member"]
    assert 0.3 * bloat["size"] < bloat["wasted"] < 0.7 * bloat["size"], "every row was written twice"


def test_a_dump_is_complete_or_not_there(live: Live, tmp_path: Path) -> None:
    target = tmp_path / "club.dump"
    told: list[tuple[str, int, int]] = []
    size = databases.dump(live, target, lambda *each: told.append(each))
    assert target.stat().st_size == size == told[-1][2]
    assert target.stat().st_mode & 0o777 == 0o600
    assert {doing for doing, _, _ in told} == {"dumping", "reading it back"}
    with pytest.raises(UsageError, match="is there already"):
        databases.dump(live, target, quiet)
    gone = Live(live.engine, live.place, "nothing", live.role)
    with pytest.raises(HavreError, match="dumping the database"):
        databases.dump(gone, tmp_path / "never.dump", quiet)
    assert list(tmp_path.iterdir()) == [target]


def test_a_dump_comes_back_beside_and_in_place_and_a_broken_one_leaves_nothing(
    live: Live, tmp_path: Path
) -> None:
    target = tmp_path / "club.dump"
    databases.dump(live, target, quiet)
    before = live.names()

    databases.restore(live, target, "beside", replace=False, tell=quiet)
    assert rows(live, "beside") == "20000|drop-it"
    with pytest.raises(UsageError, match="a database beside is there"):
        databases.restore(live, target, "beside", replace=False, tell=quiet)

    broken = tmp_path / "broken.dump"
    broken.write_bytes(target.read_bytes()[: target.stat().st_size * 2 // 3])
    with pytest.raises(HavreError, match="restoring"):
        databases.restore(live, broken, "never", replace=False, tell=quiet)
    with pytest.raises(HavreError, match="restoring"):
        databases.restore(live, broken, "drop-it", replace=True, tell=quiet)
    (tmp_path / "no.dump").write_bytes(b"no dump")
    with pytest.raises(UsageError, match="is no dump"):
        databases.restore(live, tmp_path / "no.dump", "never", replace=False, tell=quiet)
    assert live.names() == before | {"beside"}

    live.ask("DELETE FROM member WHERE id > 100", database="drop-it")
    client = threading.Thread(target=_sleeps, args=(live,))
    client.start()  # who is connected does not hold it up
    wait(lambda: databases.databases(live)[1]["connections"] > 0, what="nobody is connected")
    done = databases.restore(live, target, "drop-it", replace=True, tell=quiet)
    client.join()
    assert rows(live, "drop-it") == "20000|drop-it"
    assert rows(live, done["kept"]) == "100|drop-it"
    assert done["kept"].startswith("drop-it_replaced_")
    listed = {row["name"]: row for row in databases.databases(live)}
    assert listed.keys() == {"drop-it", "beside", done["kept"]}
    assert all(row["owner"] == "drop-it" and row["size"] > 5_000_000 for row in listed.values())


def _sleeps(live: Live) -> None:
    with pytest.raises(HavreError):
        live.ask("SELECT pg_sleep(600)", database="drop-it")
