"""An application with a database that is backed up to two places, and what tests and benches do with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker

from support import database
from support.object_storage import BUCKET, ObjectStorage
from support.repository import Repository, manifest
from support.server import Server

PROJECT = "keeper"
PLACE = f"{PROJECT}-production"
DB = f"{PLACE}-db"
PATIENCE = 120.0


def wait(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """Wait until something is so; ``what`` it is if it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


class Shop:
    """A deployed application with a database that is backed up to two places."""

    def __init__(
        self,
        server: Server,
        engine: docker.APIClient,
        storage: ObjectStorage,
        folder: Path,
        **backups: Any,
    ) -> None:
        self.server, self.engine, self.storage = server, engine, storage
        written = manifest(PROJECT, release="node -e 0", drain="1s", stop_grace="2s")
        written["services"]["db"] = {
            "kind": "postgres",
            "backups": {"rpo": "30s", **backups},
            "privacy": {
                "subject": {"table": "member", "by": ["email", "id"]},
                "tables": {"member": {"email": "email"}},
            },
        }
        self.repository = Repository(folder / PROJECT, written)
        self.passphrase = ""
        self.told: list[dict[str, Any]] = []
        """The alerts that came."""

    def havre(self, *args: str, check: bool = True) -> Any:
        return self.server.cli(*args, "--project", PROJECT, check=check)

    def set_storage(self, *more: str) -> dict[str, Any]:
        return dict(
            self.server.json(
                "backup", "storage", "set", "--endpoint", self.storage.endpoint, "--bucket", BUCKET,
                "--ca", str(self.storage.ca), "--keys", str(self.storage.keys), *more,
            )
        )  # fmt: skip

    # The database itself

    def container(self) -> str:
        return database.container_of(self.engine, PROJECT)

    def inside(self, *command: str) -> str:
        return database.inside(self.engine, PROJECT, *command)

    def sql(self, statement: str) -> str:
        return database.sql(self.engine, PROJECT, statement)

    def add(self, number: int) -> str:
        """Commit a row; the moment just after it, as the database tells it."""
        self.sql(f"insert into note values ({number})")
        return self.sql("select pg_sleep(0.1); select clock_timestamp()").splitlines()[-1]

    def fill(self) -> None:
        """The table that :meth:`add` writes to."""
        self.sql("create table note (n int primary key)")

    def rows(self) -> list[int]:
        return [int(line) for line in self.sql("select n from note order by n").splitlines()]

    def archived(self) -> None:
        """Everything written so far is in every repository that works."""
        segment = self.sql("select pg_walfile_name(pg_switch_wal())")
        last = "select coalesce(last_archived_wal, '') from pg_stat_archiver"
        wait(lambda: self.sql(last) >= segment, f"{segment} is not archived")

    # Backups

    def alerted(self, outcome: str) -> set[str]:
        """What alerts of this outcome were about."""
        return {each["about"].removeprefix("backups: ") for each in self.told if each["outcome"] == outcome}

    def backups(self) -> dict[str, Any]:
        return dict(json.loads(self.havre("backup", "list", "--json").stdout))

    def labels(self, repository: str) -> set[str]:
        return {row["label"] for row in self.backups()["backups"] if row["repository"] == repository}

    def operations(self, kind: str) -> list[dict[str, Any]]:
        rows = self.server.json("operations", "list", "--project", PROJECT)
        return [row for row in rows if row["kind"] == kind]

    def is_at(self, kind: str, step: str) -> bool:
        """Whether the newest operation of a kind is in a step."""
        newest = next(iter(self.operations(kind)), None)
        steps = self.server.json("operations", "show", str(newest["id"]))["steps"] if newest else []
        return any(each["name"] == step and each["state"] == "running" for each in steps)

    def all_backups_done(self) -> bool:
        return all(row["state"] in {"succeeded", "failed"} for row in self.operations("backup"))

    def restore(self, *args: str) -> Any:
        done = self.havre("restore", *args, "--yes-restore", PLACE)
        wait(self.all_backups_done, "the backup after the restore goes on")
        return done

    def streamed(self) -> None:
        """Wait until what is written by now was streamed off-site."""
        begun = time.monotonic()

        def is_sent() -> bool:
            age = self.backups()["databases"][0]["streamed_seconds"]
            return age is not None and age < time.monotonic() - begun

        wait(is_sent, "WAL is not streamed")

    def lose_everything(self) -> None:
        """The volumes of the data and of the local backups are gone; the engine starts an empty database."""
        self._scale(0)
        wait(lambda: not self.container(), "the database does not stop")
        for volume in (DB, f"{DB}.backups"):
            wait(lambda v=volume: self._remove(v), f"{volume} stays")
        self._scale(1)
        wait(self.container, "the engine does not start it again")

    def _remove(self, volume: str) -> bool:
        for left in self.engine.containers(all=True, filters={"volume": volume}):
            self.engine.remove_container(left["Id"], force=True)
        try:
            self.engine.remove_volume(volume)
        except docker.errors.NotFound:
            return True
        except docker.errors.APIError:
            return False
        return True

    def _scale(self, replicas: int) -> None:
        service = self.engine.inspect_service(DB)
        spec = service["Spec"]
        self.engine.update_service(
            service["ID"], version=service["Version"]["Index"], name=spec["Name"], labels=spec["Labels"],
            task_template=spec["TaskTemplate"], mode={"Replicated": {"Replicas": replicas}},
            update_config=spec.get("UpdateConfig"), endpoint_spec=spec.get("EndpointSpec"),
        )  # fmt: skip
