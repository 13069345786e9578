"""Restore drills: from a real S3 server into an isolated copy, and what they find."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from support.object_storage import BUCKET, ObjectStorage
from support.repository import Repository, manifest
from support.server import Server

pytestmark = pytest.mark.timeout(600)
PROJECT = "drilled"
PLACE = f"{PROJECT}-production"
GOOD = [
    {"sql": "SELECT count(*) = 3 FROM member"},
    {"sql": "SELECT pg_sleep(6) IS NOT NULL"},  # long enough to look at the copy meanwhile
    {"http": "/environment?name=HAVRE_ENVIRONMENT", "contains": "production"},
    {"http": "/visits", "contains": '"visits":2'},  # the first one was saved
]
BAD = [
    {"sql": "SELECT count(*) > 100 FROM member"},
    {"sql": "WITH gone AS (DELETE FROM member RETURNING id) SELECT count(*) > 0 FROM gone"},
    {"http": "/health", "status": 418},
    {"sql": "SELECT pg_sleep(6) IS NOT NULL"},  # long enough to take a row of the copy away meanwhile
]


def wait(condition: Callable[[], Any], what: str, *, seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
    return found


class Club:
    """A deployed application with a database that is saved in two places."""

    def __init__(
        self, server: Server, engine: docker.APIClient, storage: ObjectStorage, repository: Repository
    ) -> None:
        self.server, self.engine, self.storage, self.repository = server, engine, storage, repository

    def havre(self, *args: str, check: bool = True) -> Any:
        return self.server.cli(*args, "--project", PROJECT, check=check)

    def deploy(self, checks: list[dict[str, Any]]) -> None:
        self.repository.commit(manifest=written(checks), version="1")
        self.server.deploy(self.repository.folder)

    def inside(self, *command: str) -> str:
        label = [f"havre.project={PROJECT}", "havre.service=db", "havre.role=data"]
        (found,) = self.engine.containers(filters={"label": label})
        made = self.engine.exec_create(found["Id"], list(command), user="postgres")
        out = self.engine.exec_start(made["Id"]).decode()
        assert self.engine.exec_inspect(made["Id"])["ExitCode"] == 0, out
        return str(out).strip()

    def sql(self, statement: str) -> str:
        return self.inside("psql", "-XAtq", "-d", PROJECT, "-v", "ON_ERROR_STOP=1", "-c", statement)

    def fill(self) -> None:
        """Three members, whatever an earlier try of a test left."""
        self.sql("truncate member")
        self.sql("insert into member select n, 'member ' || n from generate_series(1, 3) n")

    def take_a_row_of_the_copy(self) -> None:
        """As if it had been missing in what is saved: once the copy told where it came to, and is cut off."""
        command = ["psql", "-XAtq", "-d", PROJECT, "-c", "delete from fee where n = 1 returning n"]

        def is_taken() -> bool:
            found = self.engine.containers(filters={"label": "havre.role=drill", "name": "-db$"})
            for each in found:
                if len(each["NetworkSettings"]["Networks"]) > 1:
                    return False
                made = self.engine.exec_create(each["Id"], command, user="postgres")
                if self.engine.exec_start(made["Id"]).decode().strip() == "1":
                    return True
            return False

        wait(is_taken, "the copy does not answer")

    def archived(self) -> None:
        self.sql("select pg_current_xact_id()")  # a segment without anything would not be switched
        segment = self.sql("select pg_walfile_name(pg_switch_wal())")
        last = "select coalesce(last_archived_wal, '') from pg_stat_archiver"
        wait(lambda: self.sql(last) >= segment, f"{segment} is not archived")

    def backed_up(self) -> bool:
        rows = self.server.json("operations", "list", "--project", PROJECT)
        made = [row["state"] for row in rows if row["kind"] == "backup"]
        return bool(made) and set(made) == {"succeeded"}

    def history(self) -> list[dict[str, Any]]:
        return list(json.loads(self.havre("drill", "history", "--json").stdout))

    def failed_drill(self) -> dict[str, Any]:
        """A drill that fails and says why; nothing of it is left."""
        failed = self.havre("drill", check=False)
        assert failed.returncode == 1, failed.stdout
        drill = self.history()[0]
        told = " ".join(failed.stdout.replace("│", " ").split())  # it stands in a frame
        assert drill["problem"] in told, failed.stdout
        assert self.left() == {"containers": [], "networks": []}
        return drill

    def newest_offsite(self) -> str:
        """The label of the backup that the next drill restores."""
        rows = json.loads(self.havre("backup", "list", "--json").stdout)["backups"]
        labels = [row["label"] for row in rows if row["repository"] == "offsite" and row["type"] == "full"]
        return str(labels[0])

    def left(self) -> dict[str, list[str]]:
        """What the engine has of drills."""
        containers = self.engine.containers(all=True, filters={"label": "havre.role=drill"})
        networks = self.engine.networks(filters={"label": "havre.role=drill"})
        return {"containers": [c["Names"][0] for c in containers], "networks": [n["Name"] for n in networks]}

    def volumes(self) -> set[str]:
        return {volume["Name"] for volume in self.engine.volumes()["Volumes"] or ()}


def written(checks: list[dict[str, Any]]) -> dict[str, Any]:
    found = manifest(
        PROJECT,
        env={"DATABASE_URL": "${db.url}"},
        drain="1s",
        stop_grace="2s",
        strategy="recreate",
        volumes=["data:/data"],
    )
    found["services"]["db"] = {"kind": "postgres", "backups": {"rpo": "10m"}}
    found["services"]["cache"] = {"kind": "redis"}
    return {**found, "drill": {"checks": checks}, "backup": {"rto": "10m", "rpo": "30m"}}


@pytest.fixture(scope="module")
def club(
    server: Server, engine: docker.APIClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Club]:
    storage = ObjectStorage(tmp_path_factory.mktemp("s3") / "storage")
    storage.start()
    repository = Repository(tmp_path_factory.mktemp("drills") / PROJECT, written(GOOD))
    dockerfile = (repository.folder / "Dockerfile").read_text()
    owned = "USER root\nRUN mkdir /data && chown node /data\nUSER node"
    repository.write("Dockerfile", dockerfile.replace("USER node", owned))
    made = Club(server, engine, storage, repository)
    try:
        server.cli(
            "backup", "storage", "set", "--endpoint", storage.endpoint, "--bucket", BUCKET,
            "--ca", str(storage.ca), "--keys", str(storage.keys),
        )  # fmt: skip
        server.deploy(repository.folder)
        made.sql("create table member (id int primary key, name text)")
        made.fill()
        made.sql("grant all on member to public")
        made.sql("create table fee as select n from generate_series(1, 5) n")
        page = httpx.get(
            "http://127.0.0.1/visits", headers={"Host": f"{PROJECT}.localhost"}, trust_env=False, timeout=30
        )
        assert page.json() == {"visits": 1}
        wait(made.backed_up, "no first backup")
        made.havre("backup", "now")
        made.havre("backup", "now", "--dump")
        made.archived()
        yield made
    finally:
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", PLACE, check=False)
        server.cli("backup", "storage", "remove", "--yes", check=False)
        storage.kill()


class Watch(threading.Thread):
    """Looks at the copy while a drill runs: what its containers may take, and what they reach."""

    def __init__(self, engine: docker.APIClient, address: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self.engine, self.address = engine, address
        self.seen: dict[str, Any] = {}
        self.reached = ""

    def run(self) -> None:
        deadline = time.monotonic() + 180
        while not self.reached and time.monotonic() < deadline:
            for each in self.engine.containers(filters={"label": "havre.role=drill"}):
                name = each["Names"][0].rpartition("-")[2]
                if name.endswith(".draft"):
                    continue
                self.seen[name] = self.engine.inspect_container(each["Id"])
                networks = self.seen[name]["NetworkSettings"]["Networks"]
                if name == "api" and len(networks) == 1:
                    self.reached = self._try(each["Id"])
            time.sleep(0.1)

    def _try(self, container: str) -> str:
        """What a service of the copy gets of the outside, of a public name, and of its own database."""
        host, port = self.address
        script = (
            "const net = require('net'), dns = require('dns');"
            "const to = (host, port) => new Promise(done => {"
            "  const s = net.connect({host, port, timeout: 3000});"
            "  s.on('connect', () => done('connected')).on('timeout', () => done('silence'))"
            "   .on('error', e => done(e.code)); });"
            f"Promise.all([to('{host}', {port}), to('1.1.1.1', 25), to('smtp.example.org', 25),"
            " to('db', 5432)]).then(all => { console.log(all.join(' ')); process.exit(0); });"
        )
        made = self.engine.exec_create(container, ["node", "-e", script])
        return str(self.engine.exec_start(made["Id"]).decode().strip())


def test_what_is_saved_elsewhere_is_restored_apart_checked_timed_and_removed(club: Club) -> None:
    volumes = club.volumes()
    storage = club.server.json("backup", "storage", "show")
    host, _, port = storage["endpoint"].rpartition("//")[2].partition(":")
    watch = Watch(club.engine, (host, int(port)))
    watch.start()
    done = club.havre("drill")
    watch.join(60)
    (drill,) = club.history()
    assert "RTO" in done.stdout
    assert (drill["is_good"], drill["problem"], drill["repository"]) == (True, "", "offsite")
    assert 0 < drill["rto"] < drill["objective_rto"] == 600
    assert (drill["rpo"], drill["objective_rpo"]) == (0, 1800), "nothing was written since"
    compared = drill["data"]["databases"]["db"]["comparison"]
    assert (compared["equal"], compared["rows"], compared["tables"]) == (True, 8, 2)
    assert [each["problem"] for each in drill["data"]["checks"]] == ["", "", "", ""]
    assert drill["data"]["volumes"][f"{PLACE}-data"]
    assert drill["data"]["dumps"]["db"]["problem"] == ""

    *outside, database = watch.reached.split()
    assert database == "connected"
    # This machine, the internet, and a mail server by its name.
    assert len(outside) == 3
    assert set(outside) <= {"silence", "ENETUNREACH", "EHOSTUNREACH", "EAI_AGAIN", "ENOTFOUND"}, outside
    assert watch.seen.keys() == {"db", "cache", "api"}
    for seen in watch.seen.values():
        assert seen["HostConfig"]["NanoCpus"] > 0
        assert seen["HostConfig"]["Memory"] > 0
    secret = (club.server.state / "keys" / "secrets.key").read_text()
    assert "havre-test-secret-key" not in json.dumps(watch.seen) + done.stdout + secret
    assert club.left() == {"containers": [], "networks": []}
    assert club.volumes() == volumes


def test_production_goes_on_meanwhile_and_what_is_wrong_is_told(club: Club) -> None:
    club.deploy(BAD)
    club.fill()
    club.archived()
    club.sql("insert into member values (4, 'new')")
    club.sql("update member set name = 'changed' where id = 1")
    club.sql("delete from member where id = 2")
    thief = threading.Thread(target=club.take_a_row_of_the_copy, daemon=True)
    thief.start()
    failed = club.havre("drill", check=False)
    thief.join(60)
    assert failed.returncode == 1
    drill = club.history()[0]
    assert not drill["is_good"]
    few, write, page, _ = (each["problem"] for each in drill["data"]["checks"])
    lacks = "public.fee has 4 rows in the copy, the original 5 of that moment"
    assert few == "it answered f"
    assert "read-only transaction" in write
    assert page == "it answered 200, not 418"
    for problem in (few, page, lacks):
        assert problem in " ".join(failed.stdout.split()), failed.stdout
    database = drill["data"]["databases"]["db"]
    assert database["comparison"] == {
        "equal": False, "tables": 2, "rows": 7, "changed_since": 2, "newer": 2, "problems": [lacks],
        "skipped": [],
    }  # fmt: skip
    assert database["lost_transactions"] >= 3
    verdicts = json.loads(club.server.cli("doctor", "--json", check=False).stdout)
    told = {each["check"]: each for each in verdicts}
    assert "it answered f" in told["Restore drills"]["seen"]
    (saved,) = json.loads(club.havre("backup", "list", "--json").stdout)["databases"]
    assert 0 < saved["at_risk_seconds"] <= 615
    assert 0 < database["rpo"] < 600
    assert club.sql("select count(*) from member") == "3"
    assert club.left() == {"containers": [], "networks": []}


def test_a_board_gets_a_report_in_its_language(club: Club, tmp_path: Path) -> None:
    (row,) = club.server.json("continuity", "status")["databases"]
    assert (row["environment"], row["service"], row["drill_is_good"]) == (PLACE, "db", False)
    page, document = tmp_path / "rapport.html", tmp_path / "rapport.pdf"
    club.server.cli("continuity", "report", "--out", str(page), "--pdf", str(document), "--language", "fr")
    text = page.read_text()
    for words in ("Rapport de continuité", PLACE, "le dernier exercice a échoué", "sauvegarde"):
        assert words in text
    assert document.read_bytes().startswith(b"%PDF-")


def test_a_bit_that_flipped_elsewhere_is_found_and_named(club: Club) -> None:
    club.havre("backup", "now", "--full")
    data = [path for _, path in club.storage.files("_havre/data")]
    with club.storage.damaged(*data):
        drill = club.failed_drill()
    # Nothing can be read, not even the names; those are told where they can be (test_archive_faults).
    wanted = f"the volume {PLACE}-data could not be restored: files of the archive are damaged"
    assert wanted in drill["problem"]
    newest = club.newest_offsite()
    bundles = club.storage.files(f"{PLACE}/db/backup/main/{newest}/bundle")
    with club.storage.damaged(max(bundles)[1]):
        drill = club.failed_drill()
    assert (drill["is_good"], drill["repository"], drill["rto"]) == (False, "offsite", None)
    assert "db could not be restored" in drill["problem"]
