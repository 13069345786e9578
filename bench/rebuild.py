"""How long a lost server takes to come back on another one from the off-site storage alone, step by step.

A server with an application and pgbench's database is saved to an S3 server, and burns: its engine is
killed, its disk deleted. A second server, which has Havre and its platform images, gets the recovery kit.
Durations are those that `havre rebuild` tells, from its beginning until the application answers through the
public route. Both servers and the S3 server share the processors of one machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench._stage import is_ok, load_average, say, scratch, wait_for
from bench.harness import Bench

from support.object_storage import ObjectStorage
from support.server import running
from support.shop import PROJECT, Shop, wait
from support.spare import Spare, spare

GOAL: Final = 300.0  # seconds for 1 GB
_LONG: Final = 1800.0


@contextmanager
def saved(machine: Spare, storage: ObjectStorage, folder: Path, scale: int) -> Iterator[Shop]:
    """The first server with its database, all of it saved elsewhere."""
    with running(folder / "first", inside=machine.inside, docker_host=machine.host) as server:
        never = "0 0 29 2 *"
        shop = Shop(server, machine.client, storage, folder, rpo="1m", incremental=never, full=never)
        shop.set_storage()
        server.deploy(shop.repository.folder)
        wait(lambda: shop.operations("backup") and shop.all_backups_done(), "no first backup", seconds=_LONG)
        pgbench(shop, "-i", "-q", "-s", str(scale))
        shop.havre("backup", "now", "--full")
        yield shop


def pgbench(shop: Shop, *arguments: str) -> None:
    """Run it in the database's container."""
    shop.inside("pgbench", *arguments, "-U", "postgres", PROJECT)


def burn(shop: Shop, machine: Spare, kit: Path, seconds: int) -> datetime:
    """Commit for some seconds; everything is lost with the last one. The moment."""
    pgbench(shop, "-n", "-c", "4", "-T", str(seconds))
    shop.archived()
    shop.server.cli("recovery-kit", "--to", str(kit), "--stored")
    shop.sql("CREATE TABLE beat (at timestamptz)")
    shop.sql("INSERT INTO beat VALUES (clock_timestamp())")
    shop.archived()
    lost_at = datetime.now(UTC)
    shop.server.stop(how=signal.SIGKILL)
    machine.burn()
    shutil.rmtree(shop.server.state)
    return lost_at


def main() -> int:
    """One loss, one rebuild."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="scale 5")
    parser.add_argument("--scale", type=int, default=70, help="of pgbench; 70 is 1 GB")
    options = parser.parse_args()
    bench = Bench("rebuild", quick=options.quick)
    scale = 5 if options.quick else options.scale
    bench.details |= {"load_average": load_average(), "scale": scale}
    with scratch() as folder, spare() as machine:
        storage = ObjectStorage(folder / "storage")
        storage.start()
        kit = folder / "kit.txt"
        try:
            with saved(machine, storage, folder, scale) as shop:
                size = int(shop.sql("SELECT pg_database_size(current_database())"))
                say(f"{size / 1e9:.2f} GB saved")
                lost_at = burn(shop, machine, kit, 5 if options.quick else 30)
            with running(folder / "second") as second:
                say("the first server is lost")
                told = json.loads(
                    second.cli(
                        "rebuild", "--kit", str(kit), "--lost-at", lost_at.isoformat(), "--yes", "--json"
                    ).stdout
                )
                say(f"back after {told['rto_seconds']} s")
                wait_for("http://127.0.0.1/", f"{PROJECT}.localhost", is_ok, patience=1.0)
        finally:
            storage.kill()
    bench.details |= {"database_bytes": size, "told": told}
    bench.figure(
        "measured RTO", told["rto_seconds"], unit="s", goal=GOAL, note=f"a database of {size / 1e9:.2f} GB"
    )
    bench.figure(
        "measured loss", told["loss_seconds"], unit="s",
        note="what was written was archived just before the loss; bench continuity measures losses",
    )  # fmt: skip
    for step in told["steps"]:
        bench.figure(f"step: {step['step']}", step["seconds"], unit="s", note=step["told"])
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
