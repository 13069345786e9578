"""A server burns in the middle of writes, and comes back on another one from the S3 server alone."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from havre.adapters.serving import health
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside
from havre.config import Paths
from support.crash import Moment, Processes
from support.crash_lab import ROOMY, Lab
from support.object_storage import BUCKET, SECRET, ObjectStorage
from support.repository import Repository, manifest
from support.server import Server
from support.spare import Spare, spare

pytestmark = pytest.mark.timeout(900)
PROJECT = "phoenix"
PLACE = f"{PROJECT}-production"
OTHER = "ember"
PATIENCE = 120.0
RPO = 30.0


def wait(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


class Phoenix:
    """A database, an application with a volume and a secret, and a static site."""

    def __init__(self, server: Server, machine: Spare, folder: Path) -> None:
        self.server, self.engine, self.ip = server, machine.client, machine.ip
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
        self.other = Repository(folder / OTHER, manifest(OTHER, drain="1s", stop_grace="2s"))
        dockerfile = (self.repository.folder / "Dockerfile").read_text()
        owned = "USER root\nRUN mkdir /data && chown node /data\nUSER node"
        self.repository.write("Dockerfile", dockerfile.replace("USER node", owned))
        (self.repository.folder / "site").mkdir()
        self.repository.write("site/index.html", "<h1>static</h1>")
        self.written: list[tuple[int, datetime]] = []

    def havre(self, *args: str, check: bool = True, stdin: str | None = None) -> Any:
        return self.server.cli(*args, "--project", PROJECT, check=check, stdin=stdin)

    @property
    def host(self) -> str:
        """Address of the engine that it is on."""
        return self.server.environment["HAVRE_DOCKER_HOST"]

    def container(self) -> str:
        label = [f"havre.project={PROJECT}", "havre.service=db", "havre.role=data"]
        found = self.engine.containers(filters={"label": label})
        return str(found[0]["Id"]) if found else ""

    def sql(self, statement: str) -> str:
        command = ["psql", "-XAtq", "-d", PROJECT, "-v", "ON_ERROR_STOP=1", "-c", statement]
        answer = run_inside(Engine(self.host), self.container(), command)
        assert answer.is_good, answer
        return answer.out.strip()

    def get(self, path: str = "/", *, host: str = f"{PROJECT}.localhost") -> httpx.Response:
        return httpx.get(f"http://{self.ip}{path}", headers={"Host": host}, timeout=10, trust_env=False)

    def is_backed_up(self) -> bool:
        """Whether the first backup, which is made by itself, is complete."""
        rows = self.server.json("operations", "list", "--project", PROJECT)
        return any(row["kind"] == "backup" and row["state"] == "succeeded" for row in rows)

    def ask_for(self, kind: str, project: str, **params: Any) -> int:
        """Ask for an operation; its number."""
        wanted = {"kind": kind, "project": project, "environment": "production", "params": params}
        return int(Processes(self.server, Path()).ask("POST", "operations", wanted)["id"])

    def save_all_but_a_release(self) -> None:
        """The other project has a new release when Havre's state is saved, whose images are not saved yet.

        One command runs at a time: one that does not end keeps those images from being saved.
        """
        self.other.commit(version="2")
        self.server.deploy(self.other.folder)
        saving = self.ask_for("save", PROJECT)
        self.ask_for("run", OTHER, service="api", command=["sleep", "600"])
        wait(lambda: self.state_of(saving) == "succeeded", "the state is not saved")

    def state_of(self, number: int) -> str:
        return str(self.server.json("operations", "show", str(number))["state"])

    def write_until_lost(self) -> threading.Thread:
        """Commit a row about 20 times a second, and note each that was committed."""
        statement = "insert into note values (default, clock_timestamp()) returning n, extract(epoch from at)"
        program = subprocess.Popen(
            ["docker", "--host", self.host, "exec", "--interactive", self.container(), "psql", "-XAtq",
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

    def burn(self, machine: Spare) -> datetime:
        """Havre, its folder, and the engine with its disk are gone at once; the moment."""
        lost_at = datetime.now(UTC)
        self.server.stop(how=signal.SIGKILL)
        machine.burn()
        shutil.rmtree(self.server.state)
        return lost_at

    def move(self, server: Server, engine: docker.APIClient) -> None:
        """It is to be on another server from now on."""
        self.server, self.engine, self.ip = server, engine, "127.0.0.1"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ObjectStorage]:
    made = ObjectStorage(tmp_path / "storage")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where both servers keep their files; the web process' own account reaches it."""
    made = Path(tempfile.mkdtemp(prefix="havre-rebuild-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def machine() -> Iterator[Spare]:
    with spare() as found:
        yield found


@pytest.fixture
def phoenix(machine: Spare, storage: ObjectStorage, folder: Path, tmp_path: Path) -> Iterator[Phoenix]:
    """On the first server, with all its backups elsewhere."""
    first = Server(folder / "first", inside=machine.inside, docker_host=machine.host, command_threads="1")
    first.start()
    made = Phoenix(first, machine, tmp_path)
    try:
        first.cli(
            "backup", "storage", "set", "--endpoint", storage.endpoint, "--bucket", BUCKET,
            "--ca", str(storage.ca), "--keys", str(storage.keys),
        )  # fmt: skip
        made.havre("secrets", "set", "token", stdin="hush")
        yield made
    finally:
        first.stop(how=signal.SIGKILL)


@pytest.fixture
def empty(server: Server, engine: docker.APIClient, folder: Path) -> Iterator[Server]:
    """A new server with nothing but Havre: its operations wait at each moment of their steps."""
    server.stop()
    pauses = folder / "pauses"
    pauses.mkdir()
    made = Server(folder / "second", pause_at=str(pauses))
    try:
        made.start()
        yield made
    finally:
        if made.process is None:
            made.environment.pop("HAVRE_PAUSE_AT", None)
            made.start()
        for name in (PROJECT, OTHER):
            place = f"{name}-production"
            made.cli("destroy", "--project", name, "--volumes", "--yes-destroy", place, check=False)
        made.stop()
        with suppress(docker.errors.NotFound):
            engine.remove_service("havre-router")  # its files were this server's
        server.start()


def test_a_lost_server_comes_back_by_its_kit_alone(
    phoenix: Phoenix, machine: Spare, empty: Server, engine: docker.APIClient, tmp_path: Path
) -> None:
    first = phoenix.server
    first.deploy(phoenix.repository.folder)
    first.deploy(phoenix.other.folder)
    phoenix.sql("create table note (n serial primary key, at timestamptz not null)")
    assert phoenix.get("/visits").json() == {"visits": 1}
    wait(phoenix.is_backed_up, "no first backup")
    phoenix.havre("backup", "now")
    first.cli("backup", "now", "--project", OTHER)
    saved = json.loads(phoenix.havre("backup", "list", "--json").stdout)["archive"]
    assert saved["offsite"]
    assert [each["what"] for each in saved["contents"]] == [
        f"images:{PLACE}", "state", f"volume:{PLACE}-data",
    ]  # fmt: skip
    assert all(each["size"] for each in saved["contents"])
    phoenix.havre("backup", "verify")
    kit = tmp_path / "kit.txt"
    assert verdict(first)["remedy"].startswith("havre recovery-kit")
    first.cli("recovery-kit", "--to", str(kit), "--pdf", str(tmp_path / "kit.pdf"), "--stored")
    assert verdict(first)["level"] == "ok"
    refused = first.cli("rebuild", "--kit", str(kit), "--yes", check=False)
    assert refused.returncode == 64
    assert "not empty" in refused.stderr
    wrong = kit.read_text().replace("bucket: b", "bucket: d")
    assert "not copied rightly" in empty.cli("rebuild", "--kit", "-", check=False, stdin=wrong).stderr

    writing = phoenix.write_until_lost()
    archived = "select count(*) from pg_stat_archiver, note where at < last_archived_time"
    wait(lambda: int(phoenix.sql(archived)) > 100, "nothing of what is written gets into the archive")
    phoenix.save_all_but_a_release()
    lost_at = phoenix.burn(machine)
    writing.join(60)

    command = ("rebuild", "--kit", str(kit), "--lost-at", lost_at.isoformat(), "--yes")
    operations = killed_before_the_operations(empty, command)
    killed_at_every_step(empty, operations, tmp_path)
    told = json.loads(empty.cli(*command, "--json").stdout)
    phoenix.move(empty, engine)
    came_back(phoenix, told, lost_at)
    assert sorted(told["operations"].values()) == operations
    older = {"environment": f"{OTHER}-production", "release": 1, "lost": 2}
    assert told["older_releases"] == [older]
    assert phoenix.get(host=f"{OTHER}.localhost").json()["version"] == "1"
    assert not (empty.state / "rebuild.json").exists()
    passphrase = next(line for line in kit.read_text().splitlines() if line.startswith("passphrase"))
    for text in (
        empty.log.read_text(),
        *(empty.cli("operations", "follow", str(each), "--json").stdout for each in operations),
    ):
        assert SECRET not in text
        assert passphrase.split()[1] not in text


def killed_before_the_operations(server: Server, command: tuple[str, ...]) -> list[int]:
    """The command is killed after each thing that it does itself; the operations that it leads to."""
    paths, pauses = Paths(server.state), server.state.parent / "pauses"
    for told in ("read the archive: ", "bring Havre's state back …", "bring Havre's state back: ", "start"):
        program = server.popen(*command)
        line = next((line for line in program.stdout or () if told in line), "")
        assert line, f"the rebuild ended before {told!r}"
        if told.endswith("back …"):  # its files are about to be put in their places
            wait(lambda: not health(paths).answers, "Havre is not stopped")
        program.kill()
        program.communicate()
    program = server.popen(*command)
    wait(lambda: len(list(pauses.iterdir())) == 2, "no operation begins")
    program.kill()
    program.communicate()
    server.stop(how=signal.SIGKILL)
    return sorted(int(path.name.partition(".")[0]) for path in pauses.iterdir())


def killed_at_every_step(server: Server, numbers: list[int], folder: Path) -> None:
    """The worker is killed at the end of each step, and between the parts of the long ones."""
    lab = Lab(server, folder)
    lab.processes.start(pause_at=str(lab.processes.pauses), **ROOMY)
    died: set[Moment] = set()
    over: dict[int, dict[str, Any]] = {}
    while pending := set(numbers) - over.keys():
        held, ended = lab.wait_until_held(pending, lambda moment: moment.edge != "begin")
        over |= ended
        if held:
            died |= set(held)
            lab.processes.kill("worker")
            lab.processes.let_pass(held)
            lab.processes.begin("worker")
    lab.processes.stop()
    for number, operation in over.items():
        assert operation["state"] == "succeeded", operation["error"]
        assert {Moment(number, step["name"], "end") for step in operation["steps"]} <= died
    parts = {moment.edge for moment in died}
    assert {f"volume {PLACE}-data", "restore db", "swap db", "start db", "protect db"} <= parts
    server.environment.pop("HAVRE_PAUSE_AT")
    server.start()


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
