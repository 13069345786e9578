"""Faults of what backups need, but the storage elsewhere (``test_backups``)."""

from __future__ import annotations

import json
from typing import Any

import docker

from support.database import sql
from support.faults import Row, record
from support.load import Shape, under_load
from support.node import data_root, in_node
from support.operations import SERVED, Make, wait_for
from support.repository import manifest
from support.server import Server


def small_volume(engine: docker.APIClient, name: str, size: str) -> None:
    """A volume on a disk of that size."""
    options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size},mode=0777"}
    engine.create_volume(name, driver="local", driver_opts=options)


def enlarge(volume: str, size: str) -> None:
    """Give the disk of such a volume another size."""
    in_node("mount", "-o", f"remount,size={size}", data_root() / "volumes" / volume / "_data")


def test_fault_disk_of_the_local_backups_full(
    server: Server, make: Make, engine: docker.APIClient, project: str, *, site: Any
) -> None:
    where = ("--project", project)

    def backups() -> dict[str, Any]:
        return dict(json.loads(server.cli("backup", "list", "--json", *where).stdout))

    def states() -> list[str]:
        rows = server.json("operations", "list", *where)
        return [row["state"] for row in rows if row["kind"] == "backup"]

    volume = f"{project}-production-db.backups"
    small_volume(engine, volume, "24m")
    written = manifest(project, drain="1s")
    written["services"]["db"] = {"kind": "postgres", "backups": {"rpo": "30s"}}
    repository = make()
    repository.commit(manifest=written, version="1")
    server.deploy(repository.folder)
    wait_for(lambda: states() == ["succeeded"])
    before = {row["label"] for row in backups()["backups"]}
    assert before

    with under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report:
        # What cannot be compressed, more than the disk holds.
        random = "select sha256(random()::text::bytea) from generate_series(1, 900000)"
        sql(engine, project, f"create table big as {random}")
        failing = server.popen("backup", "now", "--full", *where)
        words, _ = failing.communicate(timeout=300)
        assert failing.returncode == 1, words
        assert "db local: a file could not be written: the disk is full" in words, words
        assert before <= {row["label"] for row in backups()["backups"]}, (
            "a failed backup deletes no older one"
        )
        assert backups()["databases"][0]["waiting_seconds"] > 5
        sql(engine, project, "create table later (n int)")
        enlarge(volume, "400m")
        # Else PostgreSQL may wait a minute until it tries again.
        sql(engine, project, "select pg_switch_wal()")
        # By itself: the archive goes on, and a backup is made because WAL had waited.
        wait_for(lambda: states()[0] == "succeeded" and states()[1] == "failed")
        wait_for(lambda: not backups()["databases"][0]["waiting_seconds"])
    assert report["failed"] == 0, report
    record(
        Row(
            "disk-full-backups",
            "the backup fails, the older ones stay, the database serves; with room again the archive goes on"
            " and a backup is made by itself",
            "db local: a file could not be written: the disk is full, or it fails"
            " → `havre doctor` looks at the disks",
            SERVED,
        ),
        project,
    )
