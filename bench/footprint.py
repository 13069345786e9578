"""Idle footprint: memory and CPU of Havre's processes with one deployed environment."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

import psutil
from bench._stage import havre, load_average, say, scratch
from bench.harness import Bench

from support.repository import Repository, manifest
from support.server import Server

MEGABYTE = 1e6
MEMORY_GOAL = 160.0  # MB of web and worker together
CPU_GOAL = 1.0  # percent of one core, web and worker together
PROJECT = "idle"


def processes(server: Server) -> dict[str, psutil.Process]:
    """The supervisor and its two children."""
    if server.process is None:
        raise RuntimeError("the server does not run")
    return {
        "web": psutil.Process(server.web_pid()),
        "worker": psutil.Process(server.worker_pid()),
        "supervisor": psutil.Process(server.process.pid),
    }


def cpu_seconds(found: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Seconds of CPU so far, of the ended children (engine clients, git) too."""
    used = {}
    for name, process in found.items():
        times = process.cpu_times()
        children = 0.0 if name == "supervisor" else times.children_user + times.children_system
        used[name] = times.user + times.system + children
    return used


def measure(bench: Bench, server: Server, seconds: float) -> None:
    """Add the figures of a server that nobody asks anything."""
    found = processes(server)
    before, began = cpu_seconds(found), time.monotonic()
    time.sleep(seconds)
    elapsed, after = time.monotonic() - began, cpu_seconds(found)
    memory = {name: process.memory_full_info() for name, process in found.items()}
    both = ("web", "worker")
    for name in both:
        bench.figure(f"{name}, RSS", memory[name].rss / MEGABYTE, unit="MB")
        bench.figure(f"{name}, PSS", memory[name].pss / MEGABYTE, unit="MB")
    resident = sum(memory[name].rss for name in both) / MEGABYTE
    bench.figure("web and worker, RSS", resident, unit="MB", goal=MEMORY_GOAL)
    shared = "shared pages divided among their users"
    bench.figure("web and worker, PSS", sum(memory[n].pss for n in both) / MEGABYTE, unit="MB", note=shared)
    percent = {name: 100 * (after[name] - before[name]) / elapsed for name in found}
    for name in both:
        bench.figure(f"{name}, CPU", percent[name], unit="%")
    bench.figure(
        "web and worker, CPU",
        sum(percent[name] for name in both),
        unit="%",
        goal=CPU_GOAL,
        note=f"of one core, over {elapsed:.0f} s",
    )
    bench.figure("supervisor, RSS", memory["supervisor"].rss / MEGABYTE, unit="MB")
    bench.figure("supervisor, PSS", memory["supervisor"].pss / MEGABYTE, unit="MB")
    bench.figure("supervisor, CPU", percent["supervisor"], unit="%")


def main() -> int:
    """Deploy one environment, leave Havre alone, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 s instead of 60 s")
    quick = parser.parse_args().quick
    bench = Bench("footprint", quick=quick)
    with scratch() as folder, havre() as server:
        server.deploy(Repository(folder / PROJECT, manifest(PROJECT)).folder)
        say("deployed; letting it come to rest")
        time.sleep(5 if quick else 15)
        bench.details["load_average"] = load_average()
        measure(bench, server, 20.0 if quick else 60.0)
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", f"{PROJECT}-production")
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
