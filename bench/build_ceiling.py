"""What a full build costs the requests of what serves, with and without the ceiling of builds.

One application behind the router is asked 50 times a second all along, at the server's address as
from outside, by a client that never waits for a processor: it stands for one on another machine. A
window without a build is followed by one that lasts as long as a full build (`docker build
--no-cache` of the reference application's API, its packages from the cache mount); the figure of a
pair is the ratio of the two p99. Pairs with and without the ceiling alternate, so that a drift of
the machine meets both. The test engine's way out, a process where a server has its kernel, is kept to
the builds' processors all along. Without means: all processors, no limit of memory, and the weight of any
other container.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from bench._stage import build_image, dropit, engine, havre, load_average, rounded, say, scratch
from bench.harness import Bench

from havre.adapters.cgroups.ceiling import held
from havre.adapters.cgroups.place import Place
from havre.config import Config
from havre.operations.build_ceiling import chosen_ceiling, find_place
from support.load import Load, Shape
from support.repository import Repository, manifest
from support.server import engine_host

GOAL: Final = 1.5
PROJECT: Final = "served"
RATE: Final = 50.0
QUIET: Final = 20.0  # seconds
LONGEST: Final = 900.0  # seconds of one build
_UNLIMITED: Final = (
    ("cpu", "cpu.idle", "0"),
    ("cpu", "cpu.cfs_quota_us", "-1"),
    ("cpu", "cpu.shares", "1024"),
    ("memory", "memory.limit_in_bytes", "-1"),
    ("blkio", "blkio.bfq.weight", "100"),
)
_UNLIMITED_V2: Final = (
    ("", "cpu.idle", "0"),
    ("", "cpu.max", "max"),
    ("", "cpu.weight", "100"),
    ("", "memory.max", "max"),
    ("", "io.weight", "default 100"),
)


@contextlib.contextmanager
def unlimited(place: Place) -> Iterator[None]:
    """Builds as the engine alone would run them."""
    everywhere = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    rows = _UNLIMITED if place.version == 1 else _UNLIMITED_V2
    for controller, name, value in (
        *rows,
        ("cpuset" if place.version == 1 else "", "cpuset.cpus", everywhere),
    ):
        file = place.folder(controller) / name
        if file.exists():
            file.write_text(value)
    yield


def keep_network_apart() -> None:
    """What forwards the test engine's packets by a process is no part of a server."""
    state = str(Path(engine_host().removeprefix("unix://")).parents[1])
    last = max(os.sched_getaffinity(0))
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "slirp4netns" and any(state in word for word in process.info["cmdline"]):
            process.cpu_affinity([last])


@contextlib.contextmanager
def loaded() -> Iterator[dict[str, Any]]:
    """The steady load during a block; its report after it."""
    shape = Shape(f"http://{os.environ['HAVRE_TEST_NODE_IP']}/?ms=0", f"{PROJECT}.localhost", RATE)
    report: dict[str, Any] = {}
    load = Load([shape], seconds=LONGEST, at_once=True)
    try:
        yield report
    finally:
        report.update(load.finish())


def pair(folder: Path, place: Place, *, with_ceiling: bool) -> dict[str, Any]:
    """A quiet window, then one with a build."""
    with loaded() as quiet:
        time.sleep(QUIET)
    ceiling = held(place, chosen_ceiling(Config())) if with_ceiling else unlimited(place)
    with ceiling, loaded() as busy:
        began = time.monotonic()
        build_image(folder, "--no-cache", f"--file={folder / 'apps/api/Dockerfile'}")
        seconds = time.monotonic() - began
    return {
        "with_ceiling": with_ceiling,
        "quiet_p99_ms": quiet["p99_ms"],
        "build_p99_ms": busy["p99_ms"],
        "quiet_p50_ms": quiet["p50_ms"],
        "build_p50_ms": busy["p50_ms"],
        "ratio": busy["p99_ms"] / quiet["p99_ms"],
        "build_seconds": seconds,
        "failed": quiet["failed"] + busy["failed"],
        "requests": quiet["sent"] + busy["sent"],
    }


def tell(bench: Bench, pairs: list[dict[str, Any]]) -> None:
    """Add the figures."""
    for is_held, words in ((True, "with the ceiling"), (False, "without a ceiling")):
        rows = [row for row in pairs if row["with_ceiling"] is is_held]
        note = f"median of {len(rows)}"
        bench.figure(
            f"p99 during a build to quiet, {words}",
            statistics.median(row["ratio"] for row in rows),
            goal=GOAL if is_held else None,
            note=note,
        )
        for key, unit, what in (
            ("quiet_p99_ms", "ms", "p99 quiet"),
            ("build_p99_ms", "ms", "p99 during a build"),
            ("build_p50_ms", "ms", "p50 during a build"),
            ("build_seconds", "s", "the build"),
        ):
            bench.figure(f"{what}, {words}", statistics.median(r[key] for r in rows), unit=unit, note=note)
    bench.figure("failed requests", sum(row["failed"] for row in pairs), goal=0)
    bench.details["ratios_with"] = rounded([row["ratio"] for row in pairs if row["with_ceiling"]], 2)
    bench.details["ratios_without"] = rounded([row["ratio"] for row in pairs if not row["with_ceiling"]], 2)
    bench.details["requests"] = sum(row["requests"] for row in pairs)


def main() -> int:
    """Pairs by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one pair of each kind, not five")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of each kind")
    options = parser.parse_args()
    count = 1 if options.quick else options.pairs
    bench = Bench("build_ceiling", quick=options.quick)
    bench.details["load_average"] = load_average()
    with scratch() as folder, engine() as client, havre() as server:
        info = client.info()
        place = find_place(Config(docker_host=engine_host()), info)
        bench.details["ceiling"] = str(chosen_ceiling(Config()))
        built = dropit(folder / "dropit")
        with contextlib.suppress(RuntimeError):
            build_image(built, f"--file={built / 'apps/api/Dockerfile'}")  # fills the package store
        server.deploy(Repository(folder / PROJECT, manifest(PROJECT)).folder)
        keep_network_apart()
        pairs = []
        for turn in range(2 * count):
            pairs.append(pair(built, place, with_ceiling=turn % 4 in {0, 3}))
            row = pairs[-1]
            say(
                f"{'with' if row['with_ceiling'] else 'without'}: {row['quiet_p99_ms']} ms, "
                f"{row['build_p99_ms']} ms, ratio {row['ratio']:.2f}, build {row['build_seconds']:.0f} s"
            )
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", f"{PROJECT}-production")
    tell(bench, pairs)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
