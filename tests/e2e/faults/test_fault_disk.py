"""Disks that are full, a database that is locked."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from support.audit import orphans
from support.faults import Row, record
from support.load import Shape, under_load
from support.node import data_root, no_room_for_layers
from support.operations import begin, failing, outcome
from support.registry import PASSWORD, USER, Registry, build_app
from support.repository import Repository, manifest
from support.server import Server


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


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path / "registry")
    made.start()
    yield made
    made.stop()


def test_fault_disk_of_the_engine_full(
    server: Server,
    deployed: Repository,
    site: Any,
    project: str,
    engine: docker.APIClient,
    *,
    registry: Registry,
) -> None:
    # Never built before, whatever this engine did: else its layers would be there already.
    built, ready = (f"{number}-{secrets.token_hex(4)}" for number in (3, 4))
    image = build_app(engine, f"{project}:1", version=ready)
    registry.push(engine, image, "team/api:1")
    engine.remove_image(f"{project}:1", force=True)  # so that it has to be pulled
    server.cli("secrets", "set", "login", "--project", project, stdin=f"{USER}:{PASSWORD}")
    pulled = manifest(
        project, drain="1s", image={"name": f"{registry.address}/team/api:1", "auth": {"secret": "login"}}
    )
    pulled["services"]["api"].pop("build")
    undone = "the deployment is undone; the same one succeeds when there is room again"
    served = "not one request failed: the release before goes on serving"
    rows = []
    with under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report:
        text = (deployed.folder / "Dockerfile").read_text()
        # What a build writes beside its layers is bounded as well: to 64 MiB, here.
        shm = "require(`fs`).writeFileSync(`/dev/shm/x`, Buffer.alloc(70 << 20))"
        deployed.write("Dockerfile", text + f'RUN ["node", "-e", "{shm}"]\n')
        rows.append(
            Row(
                "disk-full-step",
                "the deployment is undone",
                failing(server, deployed, "disk is full at RUN"),
                served,
            )
        )
        deployed.write("Dockerfile", text)
        for fault, version, changed in (
            ("disk-full-build", built, manifest(project, drain="1s")),
            ("disk-full-image", ready, pulled),
        ):
            deployed.commit(version=version, manifest=changed)
            with no_room_for_layers():
                words = failing(
                    server,
                    deployed,
                    f"Docker engine's disk (at {data_root()}) is full",
                    "havre images prune",
                )
            assert site.version() == ("1" if version == built else built)
            server.deploy(deployed.folder)
            assert site.version() == version
            words = words.replace(str(data_root()), "/var/lib/docker")
            words = words.replace(registry.address, "registry.example.org")
            rows.append(Row(fault, undone, re.sub(r"(sha256:\w{6})\w+", r"\1…", words), served))
    assert report["failed"] == 0, report
    assert orphans(server, f"{project}-production") == []
    for row in rows:
        record(row, project)
