"""What fails around Havre: each fault has a clear error with its remedy, and loses nothing."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from support.audit import lasting_orphans, orphans
from support.faults import ROOT, Row, record
from support.load import Shape, under_load
from support.repository import Repository, manifest
from support.server import Server

Make = Callable[..., Repository]
PATIENCE = 240.0
SERVED = "not one request failed"


def loaded(site: Any) -> Any:
    """Requests to the site during a block; they give up after five seconds."""
    return under_load(Shape("http://127.0.0.1/", site.host, rate=20, timeout=5.0))


@pytest.fixture
def deployed(server: Server, make: Make) -> Repository:
    """A project whose version 1 serves."""
    repository = make(drain="1s")
    server.deploy(repository.folder)
    return repository


def begin(server: Server, repository: Repository, step: str = "") -> int:
    """Start a deployment, and wait until a step of it runs."""
    server.deploy(repository.folder, "--detach")
    number = int(server.json("operations", "list", "--project", repository.manifest["project"])[0]["id"])
    wait_for(lambda: not step or is_at(server, number, step))
    return number


def is_at(server: Server, number: int, step: str) -> bool:
    shown = server.get(f"/api/v1/operations/{number}").json()
    return any(s["name"] == step and s["state"] in {"running", "done"} for s in shown["steps"])


def outcome(server: Server, number: int) -> dict[str, Any]:
    """The operation, once it is over."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        answer = server.get(f"/api/v1/operations/{number}")
        if answer.is_success:
            found.update(answer.json())
        return found.get("state") in {"succeeded", "failed", "cancelled"}

    wait_for(is_over)
    return found


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def failed_for(report: dict[str, Any], *, at_most: float) -> str:
    """How many requests failed, in words; more than those of so many seconds fail the test."""
    assert report["failed"] < 20 * at_most, report
    failed, sent = report["failed"], report["sent"]
    return f"{failed} of {sent} requests failed, at 20 a second" if failed else SERVED


def newest(server: Server, project: str) -> dict[str, Any]:
    """The operation that was asked for last."""
    number = server.json("operations", "list", "--project", project)[0]["id"]
    return dict(server.get(f"/api/v1/operations/{number}").json())


def told(operation: dict[str, Any]) -> str:
    """Message and remedy of an operation that failed."""
    error = operation["error"]
    return f"{error['message']} → {error['hint']}"


def log_of(server: Server, number: int) -> str:
    """What the operation logged."""
    return server.cli("operations", "follow", str(number), "--json", check=False).stdout


def test_fault_engine_restarted(server: Server, deployed: Repository, site: Any, project: str) -> None:
    deployed.commit(version="2", bootMs=1500)
    number = begin(server, deployed, "gate")
    prefix = os.environ["HAVRE_TEST_DOCKER_HOST"].split("/engine-")[1].split("/")[0]
    restart = [ROOT / "bin" / "engine", "restart", "--prefix", prefix]
    with loaded(site) as report:
        subprocess.run(restart, check=True, stdout=subprocess.PIPE)
        done = outcome(server, number)
    assert done["state"] == "succeeded", done
    assert site.version() == "2"
    log = log_of(server, number)
    line = "this goes on when that is over"
    assert line in log, log[-3000:]
    assert orphans(server, f"{project}-production") == []
    record(
        Row(
            "engine-restarted",
            "the deployment waits, goes on when the engine is back, and succeeds",
            f"in its log: “…: the Docker engine does not answer; {line}”",
            f"{failed_for(report, at_most=120)}: the engine stops all containers, Swarm starts them again",
        ),
        project,
    )


def test_fault_traefik_killed(
    server: Server, deployed: Repository, site: Any, project: str, engine: docker.APIClient
) -> None:
    deployed.commit(version="2", bootMs=3000)
    number = begin(server, deployed, "gate")
    (router,) = engine.containers(filters={"label": "havre.role=router"})
    with loaded(site) as report:
        engine.kill(router["Id"])
        done = outcome(server, number)
    assert done["state"] == "succeeded", done
    assert site.version() == "2"
    record(
        Row(
            "traefik-killed",
            "Swarm starts it again, the deployment waits for it and succeeds",
            "nothing: it heals by itself",
            f"{failed_for(report, at_most=60)}, until Traefik listens again",
        ),
        project,
    )


@contextmanager
def records_on(server: Server, size: str) -> Iterator[Path]:
    """The server's database on a file system of that size, and with a short patience for locks."""
    folder = server.state / "db"
    copy = server.state.parent / "db-copy"
    server.stop()
    shutil.copytree(folder, copy)
    stat = folder.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    os.chown(folder, stat.st_uid, stat.st_gid)
    folder.chmod(stat.st_mode & 0o7777)
    subprocess.run(["cp", "-a", f"{copy}/.", folder], check=True)
    shutil.rmtree(copy)
    server.environment["HAVRE_RECORDS_TIMEOUT"] = "2"
    try:
        server.start()
        yield folder
    finally:
        server.stop()
        subprocess.run(["cp", "-a", f"{folder}/.", copy], check=True)
        subprocess.run(["umount", folder], check=True)
        subprocess.run(["cp", "-a", f"{copy}/.", folder], check=True)
        shutil.rmtree(copy)
        del server.environment["HAVRE_RECORDS_TIMEOUT"]
        server.start()


def test_fault_records_locked_and_full(server: Server, deployed: Repository, site: Any, project: str) -> None:
    where = ("--project", project)
    with (
        records_on(server, "24m") as folder,
        under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report,
    ):
        deployed.commit(version="2", bootMs=4000)
        number = begin(server, deployed, "gate")
        other = sqlite3.connect(folder / "havre.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = server.cli("env", "set", "A=1", *where, check=False)
        locked = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode != 0
        assert "the records are locked by another program" in locked, locked
        time.sleep(3)
        other.execute("ROLLBACK")
        other.close()
        assert outcome(server, number)["state"] == "succeeded"
        assert site.version() == "2"

        deployed.commit(version="3", bootMs=4000)
        number = begin(server, deployed, "gate")
        filler = folder / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        for turn in range(50):  # what is left of the last page is soon used up
            refused = server.cli("env", "set", f"A={'x' * 3000}{turn}", *where, check=False)
            if refused.returncode != 0:
                break
        full = " ".join((refused.stdout + refused.stderr).split())
        assert "the disk is full" in full, full
        time.sleep(3)
        filler.unlink()
        assert outcome(server, number)["state"] == "succeeded"
        assert site.version() == "3"
        server.cli("env", "set", "A=2", *where)
    assert report["failed"] == 0, report
    assert orphans(server, f"{project}-production") == []
    for fault, words in (("records-locked", locked), ("records-full", full)):
        record(
            Row(
                fault,
                "the request is refused with status 503; a deployment under way waits, and goes on by itself",
                words,
                "not one request failed",
            ),
            project,
        )


def failing(server: Server, repository: Repository, *words: str) -> str:
    """Deploy, see it fail with these words, and give back message and remedy."""
    number = begin(server, repository)
    done = outcome(server, number)
    assert done["state"] == "failed", done
    for word in words:
        assert word in told(done), told(done)
    return told(done)


def test_faults_of_a_new_version_leave_the_old_one(
    server: Server, make: Make, site: Any, project: str
) -> None:
    """One after the other, under one load; not one request may fail."""
    repository = make(
        drain="2s",
        health={"path": "/health", "start_period": "10s", "retries": 1},
        resources={"limits": {"memory": "96M"}},
    )
    server.deploy(repository.folder)
    served = "not one request failed: the release before goes on serving"
    undone = "the deployment is undone"
    rows = []
    with under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report:
        text = (repository.folder / "Dockerfile").read_text()
        # The device that answers every write as a full disk does.
        full = 'RUN ["node", "-e", "require(`fs`).writeFileSync(`/dev/full`, `x`)"]\n'
        repository.write("Dockerfile", text + full)
        rows.append(Row("disk-full-build", undone, failing(server, repository, "disk is full"), served))

        elsewhere = text.replace("FROM ${NODE_RUNTIME_IMAGE}", "FROM 127.0.0.1:9/shop/base:1")
        repository.write("Dockerfile", elsewhere)
        rows.append(Row("registry-unreachable", undone, failing(server, repository, "127.0.0.1:9"), served))

        repository.write("Dockerfile", text)
        repository.commit(version="2", eatMemory=True)
        rows.append(Row("out-of-memory", undone, failing(server, repository, "ran out of memory"), served))
    assert report["failed"] == 0, report
    with loaded(site) as report:  # it answers well for a moment, so it is switched to, and dies
        repository.commit(version="2", exitAfterMs=1500)
        words = failing(server, repository, "exited with code 9")
    some = f"{failed_for(report, at_most=20)}: those it had taken or was sent as it died"
    rows.append(Row("task-flaps", undone, words, some))
    assert site.version() == "1"
    assert orphans(server, f"{project}-production") == []
    for row in rows:
        record(row, project)


def test_faults_of_the_source(server: Server, deployed: Repository, site: Any, project: str) -> None:
    where = ("--project", project, "--source")
    refused = server.cli("deploy", *where, "https://127.0.0.1:9/shop.git", check=False)
    assert refused.returncode == 1
    gone = told(newest(server, project))
    assert "could not be reached" in gone
    server.stop()
    resolver = server.state.parent / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", resolver, "/etc/resolv.conf"], check=True)
    try:
        server.start()
        refused = server.cli("deploy", *where, "https://git.example.org/shop.git", check=False)
        assert refused.returncode == 1
        dead = told(newest(server, project))
        assert "could not be reached" in dead
        deployed.commit(version="2")
        server.deploy(deployed.folder)  # what is here needs no name
        assert site.version() == "2"
    finally:
        server.stop()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)
        server.start()
    served = "the release before goes on serving"
    record(Row("git-unreachable", "the deployment fails before it changes anything", gone, served), project)
    record(
        Row(
            "dns-dead",
            "what is elsewhere fails before anything changes; what is on the server deploys as ever",
            dead,
            served,
        ),
        project,
    )


def test_fault_two_people_and_a_changed_manifest(
    server: Server, deployed: Repository, site: Any, project: str
) -> None:
    deployed.commit(version="2", bootMs=2000)
    with loaded(site) as report:
        first = server.popen("deploy", "--source", str(deployed.folder))
        wait_for(lambda: server.json("operations", "list", "--project", project)[0]["state"] == "running")
        number = server.json("operations", "list", "--project", project)[0]["id"]
        wait_for(lambda: is_at(server, number, "gate"))
        # Meanwhile the manifest changes, and somebody else deploys that.
        deployed.commit(version="3", manifest=manifest(project, drain="1s", replicas=2))
        second = server.popen("deploy", "--source", str(deployed.folder))
        wait_for(lambda: server.json("operations", "list", "--project", project)[0]["id"] != number)
        assert server.json("operations", "list", "--project", project)[0]["state"] == "queued"
        assert first.wait(PATIENCE) == 0, first.communicate()
        assert second.wait(PATIENCE) == 0, second.communicate()
    assert report["failed"] == 0, report
    releases = server.json("releases", "--project", project)
    assert [row["number"] for row in releases] == [3, 2, 1]
    assert site.version() == "3"
    assert server.json("ps", "--project", project)[0]["running"] == 2
    for process in (first, second):
        process.communicate()
    record(
        Row(
            "two-commands",
            "one after the other: the second is queued until the first is over; both succeed",
            "the second one's operation is queued: `havre operations list`",
            SERVED,
        ),
        project,
    )
    record(
        Row(
            "manifest-changed",
            "the deployment goes on with the commit it began with; the next one takes the change",
            "the commit that is deployed, in the first line",
            SERVED,
        ),
        project,
    )


def test_fault_same_domain(server: Server, make: Make, site: Any, project: str, tmp_path: Path) -> None:
    mine = make(drain="1s")
    thief = Repository(tmp_path / "thief", {**mine.manifest, "project": f"{project[:14]}-thief"})
    name = thief.manifest["project"]
    running = [server.popen("deploy", "--source", str(each.folder)) for each in (mine, thief)]
    texts = [process.communicate(timeout=PATIENCE)[0] for process in running]
    assert sorted(process.returncode for process in running) == [0, 1], texts
    loser = next(text for process, text in zip(running, texts, strict=True) if process.returncode)
    assert "is served by" in loser, loser
    refused = told(newest(server, name if running[1].returncode else project))
    assert site.version() == "1"
    for row in server.json("environments"):
        if row["project"] == name:
            owner = f"{name}-production"
            assert lasting_orphans(server, owner) == []
            server.cli("destroy", "--project", name, "--volumes", "--yes-destroy", owner)
    record(
        Row(
            "same-domain",
            "the one that is ready first gets it, the other one is undone",
            refused,
            "none yet: both are first deployments",
        ),
        project,
    )


def test_fault_second_serve(server: Server, project: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "havre", "serve"],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "havre serve runs already" in done.stderr
    assert server.get("/healthz").status_code == httpx.codes.OK
    words = done.stderr[done.stderr.index("havre serve runs already") :]
    words = re.sub(r"pid \d+", "pid 812", words)
    record(
        Row("second-serve", "the second one ends, the first is not harmed", words, "none concerned"), project
    )
