"""A server is lost in the middle of writes, and comes back from the S3 server alone."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside
from support.object_storage import BUCKET, SECRET, ObjectStorage
from support.repository import Repository, manifest
from support.server import Server, engine_host

pytestmark = pytest.mark.timeout(900)
PROJECT = "phoenix"
PLACE = f"{PROJECT}-production"
PATIENCE = 120.0
RPO = 30.0
KEPT = (
    *("havre/base:", "havre/backup:", "havre/node", "havre/bootstrap:", "havre/python", "havre/nginx:"),
    *("havre/redis:",),
)
"""Images of the platform that a new server would make anew from Debian: that takes minutes, and is tested
elsewhere."""


def wait(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


class Phoenix:
    """A database, an application with a volume and a secret, and a static site."""

    def __init__(self, server: Server, engine: docker.APIClient, folder: Path) -> None:
        self.server, self.engine = server, engine
        written = manifest(
            PROJECT,
            drain="1s",
            stop_grace="2s",
            strategy="recreate",
            volumes=["data:/data"],
            env={"DATABASE_URL": "${db.url}", "TOKEN": {"secret": "token"}},
        )
        written["services"]["db"] = {"kind": "postgres", "backups": {"rpo": "30s"}}
        written["services"]["web"] = {
            "kind": "static",
            "build": {"context": ".", "command": "true", "output": "site"},
            "domain": f"www-{PROJECT}.localhost",
        }
        self.repository = Repository(folder / PROJECT, written)
        dockerfile = (self.repository.folder / "Dockerfile").read_text()
        owned = "USER root\nRUN mkdir /data && chown node /data\nUSER node"
        self.repository.write("Dockerfile", dockerfile.replace("USER node", owned))
        (self.repository.folder / "site").mkdir()
        self.repository.write("site/index.html", "<h1>static</h1>")
        self.written: list[tuple[int, datetime]] = []

    def havre(self, *args: str, check: bool = True, stdin: str | None = None) -> Any:
        return self.server.cli(*args, "--project", PROJECT, check=check, stdin=stdin)

    def container(self) -> str:
        label = [f"havre.project={PROJECT}", "havre.service=db", "havre.role=data"]
        found = self.engine.containers(filters={"label": label})
        return str(found[0]["Id"]) if found else ""

    def sql(self, statement: str) -> str:
        command = ["psql", "-XAtq", "-d", PROJECT, "-v", "ON_ERROR_STOP=1", "-c", statement]
        answer = run_inside(Engine(engine_host()), self.container(), command)
        assert answer.is_good, answer
        return answer.out.strip()

    def get(self, path: str = "/", *, host: str = f"{PROJECT}.localhost") -> httpx.Response:
        return httpx.get(f"http://127.0.0.1{path}", headers={"Host": host}, timeout=10, trust_env=False)

    def is_backed_up(self) -> bool:
        """Whether the first backup, which is made by itself, is complete."""
        rows = self.server.json("operations", "list", "--project", PROJECT)
        return any(row["kind"] == "backup" and row["state"] == "succeeded" for row in rows)

    def write_until_lost(self) -> threading.Thread:
        """Commit a row about 20 times a second, and note each that was committed."""
        statement = "insert into note values (default, clock_timestamp()) returning n, extract(epoch from at)"
        program = subprocess.Popen(
            ["docker", "--host", engine_host(), "exec", "--interactive", self.container(), "psql", "-XAtq",
             "-U", "postgres", "-d", PROJECT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert program.stdin
        program.stdin.write(f"{statement}\n\\watch 0.05\n")
        program.stdin.close()

        def note() -> None:
            for line in program.stdout or ():
                number, bar, at = line.strip().partition("|")
                if bar:
                    self.written.append((int(number), datetime.fromtimestamp(float(at), UTC)))

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        return thread

    def lose_everything(self) -> datetime:
        """Havre, its folder, and all that the engine has of it are gone at once; the moment."""
        lost_at = datetime.now(UTC)
        self.server.stop(how=signal.SIGKILL)
        for service in self.engine.services():
            self.engine.remove_service(service["ID"])
        for container in self.engine.containers():
            self.engine.kill(container["Id"])
        shutil.rmtree(self.server.state)
        wait(self._has_no_container, "containers stay")
        for volume in self.engine.volumes()["Volumes"] or ():
            self.engine.remove_volume(volume["Name"], force=True)
        for secret in self.engine.secrets():
            self.engine.remove_secret(secret["ID"])
        for config in self.engine.configs():
            self.engine.remove_config(config["ID"])
        wait(self._has_no_network, "networks stay")
        for image in self.engine.images():
            tags = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
            if not any(tag.startswith(KEPT) for tag in tags):
                self.engine.remove_image(image["Id"], force=True)
        return lost_at

    def _has_no_container(self) -> bool:
        for container in self.engine.containers(all=True):
            with contextlib.suppress(docker.errors.APIError):
                self.engine.remove_container(container["Id"], v=True, force=True)
        return not self.engine.containers(all=True)

    def _has_no_network(self) -> bool:
        left = [n for n in self.engine.networks() if n["Scope"] == "swarm" and n["Name"] != "ingress"]
        for network in left:
            with contextlib.suppress(docker.errors.APIError):
                self.engine.remove_network(network["Id"])
        return not left


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ObjectStorage]:
    made = ObjectStorage(tmp_path / "storage")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def phoenix(
    server: Server, engine: docker.APIClient, storage: ObjectStorage, tmp_path: Path
) -> Iterator[Phoenix]:
    made = Phoenix(server, engine, tmp_path)
    try:
        server.cli(
            "backup", "storage", "set", "--endpoint", storage.endpoint, "--bucket", BUCKET,
            "--ca", str(storage.ca), "--keys", str(storage.keys),
        )  # fmt: skip
        made.havre("secrets", "set", "token", stdin="hush")
        yield made
    finally:
        if server.process is None:
            server.start()
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", PLACE, check=False)
        server.cli("backup", "storage", "remove", "--yes", check=False)


def test_a_lost_server_comes_back_by_its_kit_alone(phoenix: Phoenix, tmp_path: Path) -> None:
    server = phoenix.server
    server.deploy(phoenix.repository.folder)
    phoenix.sql("create table note (n serial primary key, at timestamptz not null)")
    assert phoenix.get("/visits").json() == {"visits": 1}
    wait(phoenix.is_backed_up, "no first backup")
    phoenix.havre("backup", "now")
    saved = json.loads(phoenix.havre("backup", "list", "--json").stdout)["archive"]
    assert saved["offsite"]
    assert [each["what"] for each in saved["contents"]] == [
        f"images:{PLACE}", "state", f"volume:{PLACE}-data",
    ]  # fmt: skip
    assert all(each["size"] for each in saved["contents"])
    phoenix.havre("backup", "verify")
    kit = tmp_path / "kit.txt"
    assert verdict(server)["remedy"].startswith("havre recovery-kit")
    server.cli("recovery-kit", "--to", str(kit), "--pdf", str(tmp_path / "kit.pdf"), "--stored")
    assert verdict(server)["level"] == "ok"
    refused = server.cli("rebuild", "--kit", str(kit), "--yes", check=False)
    assert refused.returncode == 64
    assert "not empty" in refused.stderr
    wrong = kit.read_text().replace("bucket: b", "bucket: d")
    assert "not copied rightly" in server.cli("rebuild", "--kit", "-", check=False, stdin=wrong).stderr

    writing = phoenix.write_until_lost()
    archived = "select count(*) from pg_stat_archiver, note where at < last_archived_time"
    wait(lambda: int(phoenix.sql(archived)) > 100, "nothing of what is written gets into the archive")
    lost_at = phoenix.lose_everything()
    writing.join(60)
    server.start()
    assert server.json("environments") == []
    command = ("rebuild", "--kit", str(kit), "--lost-at", lost_at.isoformat(), "--yes", "--json")
    killed = server.popen(*command)
    wait(lambda: step_of_rebuild(server) == "databases", "it does not get to the databases")
    killed.kill()
    server.stop(how=signal.SIGKILL)
    server.start()
    told = json.loads(server.cli(*command).stdout)

    came_back(phoenix, told, lost_at)
    assert not (server.state / "rebuild.json").exists()
    passphrase = next(line for line in kit.read_text().splitlines() if line.startswith("passphrase"))
    number = str(told["operations"][PLACE])
    for text in (
        server.log.read_text(),
        server.cli("operations", "follow", number, "--json").stdout,
    ):
        assert SECRET not in text
        assert passphrase.split()[1] not in text


def came_back(phoenix: Phoenix, told: dict[str, Any], lost_at: datetime) -> None:
    """Everything answers, no row older than the objective is missing, and the figures are true."""
    assert phoenix.get().json()["version"] == "1"
    assert phoenix.get(host=f"www-{PROJECT}.localhost").text == "<h1>static</h1>"
    assert phoenix.get("/visits").json() == {"visits": 2}
    assert phoenix.get("/environment?name=TOKEN").json() == {"value": "hush"}
    here = {int(line) for line in phoenix.sql("select n from note").splitlines()}
    missing = [at for number, at in phoenix.written if number not in here]
    loss = max(((lost_at - at).total_seconds() for at in missing), default=0.0)
    sys.stdout.write(f"rows {len(phoenix.written)}, lost {len(missing)}, loss {loss:.1f} s, told {told}\n")
    assert len(here) > 100
    assert loss <= RPO
    assert abs(told["loss_seconds"] - loss) < 5
    assert told["rto_seconds"] > 0


def verdict(server: Server) -> dict[str, Any]:
    """What the doctor says about a rebuild."""
    told = json.loads(server.cli("doctor", "--json", check=False).stdout)
    (found,) = [row for row in told if row["check"] == "Rebuild"]
    return dict(found)


def step_of_rebuild(server: Server) -> str:
    """The step that runs of the operation that brings an environment back; empty before."""
    try:
        rows = server.get("/api/v1/operations").json()
        number = next(row["id"] for row in rows if row["kind"] == "rebuild")
        steps = server.get(f"/api/v1/operations/{number}").json()["steps"]
    except (httpx.TransportError, StopIteration, ValueError, KeyError, TypeError):
        return ""
    return next((str(step["name"]) for step in steps if step["state"] == "running"), "")
