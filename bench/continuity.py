"""Backups and restores of a database against plain copies of the same data in one run, and what is lost.

The database is pgbench's, beside an S3 server on the same machine. Durations of backups and restores are
those of the operations' own steps: until a copy is listed, until a cluster is replayed and shut down. The
loss is measured while a row is committed twenty times a second: the database is killed, its volume and the
local repository are deleted, and what the off-site repository gives back is compared with the last commit
that was told. Archiving is measured as transactions per second beside a database of the same data without
backups, by turns.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import docker
from bench._stage import engine, havre, load_average, say, scratch
from bench.harness import Bench

from support.database import inside
from support.object_storage import ObjectStorage
from support.repository import Repository, manifest
from support.server import Server
from support.shop import PLACE, PROJECT, Shop, wait

PLAIN: Final = "unsaved"
_DATA: Final = "/var/lib/postgresql/data"
_LONG: Final = 1800.0


@contextmanager
def deployed(server: Server, client: docker.APIClient, folder: Path, scale: int) -> Iterator[Shop]:
    """The database with its data, saved once, and one without backups beside it."""
    storage = ObjectStorage(folder / "storage")
    storage.start()
    shop = Shop(server, client, storage, folder, rpo="1m", incremental="0 0 29 2 *", full="0 0 29 2 *")
    shop.set_storage()
    server.deploy(shop.repository.folder)
    plain = manifest(PLAIN, drain="1s", stop_grace="2s")
    plain["services"]["db"] = {"kind": "postgres", "backups": False}
    server.deploy(Repository(folder / PLAIN, plain).folder)
    wait(lambda: shop.operations("backup") and shop.all_backups_done(), "no first backup", seconds=_LONG)
    for project in (PROJECT, PLAIN):
        inside(client, project, "pgbench", "-i", "-q", "-s", str(scale), "-U", "postgres", project)
    try:
        yield shop
    finally:
        server.cli("destroy", "-p", PROJECT, "--volumes", "--yes-destroy", PLACE, check=False)
        server.cli("destroy", "-p", PLAIN, "--volumes", "--yes-destroy", f"{PLAIN}-production", check=False)
        storage.kill()


def seconds_of(client: docker.APIClient, script: str) -> float:
    """How long a script in the database's container takes."""
    begun = time.monotonic()
    inside(client, PROJECT, "bash", "-ec", script)
    return time.monotonic() - begun


def allow_base_backups(client: docker.APIClient) -> None:
    """Only the baseline needs them: nobody may replicate a database of Havre."""
    rule = "echo 'local replication postgres peer' >>/etc/postgresql/pg_hba.conf"
    inside(client, PROJECT, "bash", "-c", rule, user="root")
    inside(client, PROJECT, "psql", "-XAtq", "-c", "SELECT pg_reload_conf()")


def copies(shop: Shop, client: docker.APIClient) -> dict[str, float]:
    """Seconds of each way to copy the whole cluster."""
    allow_base_backups(client)
    raw = f"cp -a {_DATA}/pgdata {_DATA}/raw && sync -f {_DATA}/raw"
    base = f"pg_basebackup -U postgres -D {_DATA}/base -c fast -X none"
    found = {"raw copy": seconds_of(client, raw), "pg_basebackup": seconds_of(client, base)}
    inside(client, PROJECT, "rm", "-rf", f"{_DATA}/raw", f"{_DATA}/base")
    shop.havre("backup", "now", "--full")
    steps = steps_of(shop, "backup")
    return found | {"backup local": steps["local"], "backup off-site": steps["offsite"]}


def restores(shop: Shop) -> dict[str, float]:
    """Seconds of restoring the newest moment from each repository, and until it serves."""
    found = {}
    for name, repository in (("local", "local"), ("off-site", "offsite")):
        begun = time.monotonic()
        shop.havre("restore", "--from", repository, "--yes-restore", PLACE)
        whole = time.monotonic() - begun
        steps = steps_of(shop, "restore")
        found |= {
            f"restore {name}": steps["restore"],
            f"restore {name}, asked to serving": whole,
            f"restore {name}, without an answer": sum(steps[name] for name in ("stop", "swap", "start")),
        }
        wait(shop.all_backups_done, "the backup after the restore goes on", seconds=_LONG)
        shop.havre("restore", "--confirm", "--yes-restore", PLACE)
    return found


def steps_of(shop: Shop, kind: str) -> dict[str, float]:
    """Seconds of each step of the newest operation of a kind."""
    newest = next(row for row in shop.operations(kind) if not row["params"].get("dry_run"))
    assert newest["state"] == "succeeded", newest["error"]
    row: dict[str, Any] = shop.server.json("operations", "show", str(newest["id"]))
    return {
        step["name"]: (moment(step["finished_at"]) - moment(step["started_at"])).total_seconds()
        for step in row["steps"]
        if step["finished_at"]
    }


def moment(text: str) -> datetime:
    """A time as the API and PostgreSQL write it."""
    return datetime.fromisoformat(text.strip())


def throughput(client: docker.APIClient, project: str, seconds: int) -> float:
    """Transactions per second of pgbench with 8 clients."""
    out = inside(
        client, project, "pgbench", "-n", "-c", "8", "-j", "1", "-T", str(seconds), "-U", "postgres", project
    )
    return float(out.partition("tps = ")[2].split()[0])


class Beat:
    """A row that is committed twenty times a second, and the last commit that was told."""

    def __init__(self, shop: Shop, client: docker.APIClient) -> None:
        self.last: datetime | None = None
        self._shop, self._client = shop, client
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._go_on, daemon=True)
        self._reader.start()

    def end(self) -> datetime | None:
        """No more is committed after what is returned."""
        self._over.set()
        self._reader.join()
        return self.last

    def _go_on(self) -> None:
        """As an application does: whose connection breaks right after a start, connects again."""
        script = "INSERT INTO beat VALUES (clock_timestamp()) RETURNING at \\watch 0.05"
        command = ["bash", "-c", f"echo '{script}' | psql -XAtq -U postgres -d {PROJECT}"]
        while not self._over.wait(0.1):
            with contextlib.suppress(docker.errors.DockerException):
                made = self._client.exec_create(self._shop.container(), command, user="postgres")
                self._read(self._client.exec_start(made["Id"], stream=True))

    def _read(self, stream: Iterator[bytes]) -> None:
        held = b""
        for piece in stream:
            *lines, held = (held + piece).split(b"\n")
            told = [line for line in lines if line[:2] == b"20"]
            if told:
                self.last = moment(told[-1].decode())


def objective(shop: Shop, rpo: str) -> None:
    """Have the database run with another objective."""
    shop.repository.manifest["services"]["db"]["backups"]["rpo"] = rpo
    shop.repository.commit(manifest=shop.repository.manifest, version=rpo)
    shop.server.deploy(shop.repository.folder)


def forget_rows(shop: Shop, client: docker.APIClient) -> None:
    """Drop what pgbench made, here and for the next restore: what is lost does not depend on its size."""
    inside(client, PROJECT, "pgbench", "-i", "-I", "d", "-U", "postgres", PROJECT)
    shop.havre("backup", "now", "--full")


def crash(shop: Shop, client: docker.APIClient) -> None:
    """Kill the database and wait until it serves again after its recovery."""
    before = shop.container()
    client.kill(before)

    def serves() -> bool:
        try:
            return shop.container() not in {"", before} and shop.sql("SELECT 1") == "1"
        except (AssertionError, docker.errors.APIError):
            return False

    wait(serves, "it does not serve again", seconds=_LONG)


def loss(shop: Shop, client: docker.APIClient, after: float, *, when: str = "") -> tuple[float, float]:
    """Seconds of commits that are lost for good, and seconds until the rest is back.

    Args:
        shop: has the database.
        client: of the engine.
        after: seconds of commits before.
        when: ``after a crash`` or ``after a restore``: right after that; else when backups are at rest.
    """
    if when != "after a restore":
        wait(shop.all_backups_done, "the backup after the restore goes on", seconds=_LONG)
    if shop.sql("SELECT to_regclass('beat')") == "":
        shop.sql("CREATE TABLE beat (at timestamptz)")
        shop.archived()  # the table is not what is lost; later ones begin without it
    begun = moment(shop.sql("SELECT clock_timestamp()"))
    if when == "after a crash":
        crash(shop, client)
    beat = Beat(shop, client)
    wait(lambda: beat.last, "nothing is committed")
    time.sleep(after)
    client.kill(shop.container())
    last = beat.end()
    assert last is not None
    shop.lose_everything()
    asked = time.monotonic()
    shop.havre("restore", "--from", "offsite", "--yes-restore", PLACE)
    back = time.monotonic() - asked
    found = moment(shop.sql(f"SELECT max(at) FROM beat WHERE at > '{begun}'") or str(begun))
    return (last - found).total_seconds(), back


def losses(shop: Shop, client: docker.APIClient, count: int, most: float) -> list[tuple[str, float, float]]:
    """Losses at random moments, by turns at rest, after a crash, after a restore: which, and both times."""
    chance = random.Random(1)
    found = []
    for number in range(count):
        when = ("", "after a crash", "after a restore")[number % 3]
        lost, back = loss(shop, client, chance.uniform(3, most), when=when)
        found.append((when, lost, back))
        say(f"lost {lost:.1f} s {when}, back after {back:.1f} s")
    return found


def paces(client: docker.APIClient, turns: int, seconds: int) -> list[tuple[float, ...]]:
    """Transactions per second without and with backups: pairs, every other one the other way round."""
    found = []
    for turn in range(turns):
        order = (PLAIN, PROJECT) if turn % 2 == 0 else (PROJECT, PLAIN)
        seen = {project: throughput(client, project, seconds) for project in order}
        found.append((seen[PLAIN], seen[PROJECT]))
    return found


def overhead(found: list[tuple[float, ...]]) -> float:
    """Of backups on throughput, in percent."""
    return 100 * (1 - statistics.median(saved / plain for plain, saved in found))


def speed(bench: Bench, shop: Shop, client: docker.APIClient, options: argparse.Namespace) -> None:
    """Copies, restores, and transactions per second with either objective."""
    turns = 1 if options.quick else options.turns
    pairs, seconds = (2, 5) if options.quick else (options.pairs, 20)
    ways = [copies(shop, client) for _ in range(turns)]
    say(f"copies: {ways}")
    back = [restores(shop) for _ in range(turns)]
    say(f"restores: {back}")
    pace = {"1m": paces(client, pairs, seconds)}
    objective(shop, "10s")
    pace["10s"] = paces(client, pairs, seconds)
    say(f"transactions per second, without and with: {pace}")
    forget_rows(shop, client)
    bench.details |= {"copies": ways, "restores": back, "throughput": pace}
    median = {name: statistics.median(way[name] for way in ways) for name in ways[0]}
    median |= {name: statistics.median(way[name] for way in back) for name in back[0]}
    for name in ("backup local", "backup off-site"):
        bench.figure(f"{name}, times pg_basebackup", median[name] / median["pg_basebackup"])
    for name in ("restore local", "restore off-site"):
        bench.figure(f"{name}, times a raw copy", median[name] / median["raw copy"])
    for name, value in median.items():
        bench.figure(name, value, unit="s")
    for rpo, what in (("1m", "archiving"), ("10s", "archiving and streaming")):
        bench.figure(f"overhead of {what} on pgbench, rpo {rpo}", overhead(pace[rpo]), unit="%", goal=5)


def safety(bench: Bench, shop: Shop, client: docker.APIClient, options: argparse.Namespace) -> None:
    """What is lost at random moments with either objective."""
    count = 3 if options.quick else options.losses
    lost = {}
    for rpo, most, goal in (("10s", 20, 10), ("1m", 20 if options.quick else 75, 60)):
        wait(shop.all_backups_done, "the backup after the restore goes on", seconds=_LONG)
        objective(shop, rpo)
        lost[rpo] = losses(shop, client, count, most)
        seen = [each[1] for each in lost[rpo]]
        bench.figure(
            f"lost after kill -9 and deletion, rpo {rpo}, the most", max(seen), unit="s", goal=goal,
            note=f"{len(seen)} moments, median {statistics.median(seen):.1f} s; a third each right after a"
            " crash and a restore",
        )  # fmt: skip
    back_after = statistics.median(each[2] for rpo in lost for each in lost[rpo])
    bench.figure("back from off-site only, median", back_after, unit="s")
    bench.details |= {"losses": lost}


def main() -> int:
    """Copies, restores, throughput by turns; losses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="scale 5, one turn, three losses")
    parser.add_argument("--scale", type=int, default=70, help="of pgbench; 70 is 1 GB")
    parser.add_argument("--turns", type=int, default=3, help="of copies and restores")
    parser.add_argument("--pairs", type=int, default=8, help="of throughput without and with backups")
    parser.add_argument(
        "--losses", type=int, default=20, help="moments at which everything here is lost, per objective"
    )
    parser.add_argument("--only", choices=("speed", "safety"), help="one half of it")
    options = parser.parse_args()
    bench = Bench("continuity", quick=options.quick)
    scale = 5 if options.quick or options.only == "safety" else options.scale
    bench.details |= {"load_average": load_average(), "scale": scale}
    with (
        scratch() as folder,
        havre() as server,
        engine() as client,
        deployed(server, client, folder, scale) as shop,
    ):
        size = int(shop.sql("SELECT pg_database_size(current_database())"))
        bench.details["database_bytes"] = size
        say(f"{size / 1e9:.2f} GB")
        if options.only != "safety":
            speed(bench, shop, client, options)
        if options.only != "speed":
            safety(bench, shop, client, options)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
