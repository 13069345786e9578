"""What every bench does alike: figures with goals, the machine they are from, a table and a JSON file.

bench = Bench("rollout", quick=options.quick)
bench.figure("failed requests", 0, goal=0, comparator="<=")
bench.figure("first answer, 1 replica", 1.21, unit="s", goal=1.5)
sys.exit(bench.finish())
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import docker
import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"

Comparator = Literal["<=", ">=", "=="]
_HOLDS: Mapping[Comparator, Callable[[float, float], bool]] = {
    "<=": lambda value, goal: value <= goal,
    ">=": lambda value, goal: value >= goal,
    "==": lambda value, goal: value == goal,
}


@dataclass(frozen=True)
class Figure:
    """One measured value. Without a goal it is told and judged by nobody."""

    name: str
    value: float
    unit: str = ""
    goal: float | None = None
    comparator: Comparator = "<="
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        return None if self.goal is None else _HOLDS[self.comparator](self.value, self.goal)


@dataclass
class Bench:
    """The figures of one run.

    Args:
        name: of the bench and of its result file.
        quick: a short run: written as NAME.quick.json, so it never replaces the result of a full one.
    """

    name: str
    quick: bool = False
    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def figure(
        self,
        name: str,
        value: float,
        *,
        unit: str = "",
        goal: float | None = None,
        comparator: Comparator = "<=",
        note: str = "",
    ) -> Figure:
        """Add a figure; the goal is reached if ``value comparator goal`` holds."""
        made = Figure(name, value, unit, goal, comparator, note)
        self.figures.append(made)
        return made

    @property
    def missed(self) -> list[Figure]:
        """The figures whose goal is missed."""
        return [figure for figure in self.figures if figure.reached is False]

    def as_json(self) -> dict[str, Any]:
        """What the result file holds."""
        return {
            "bench": self.name,
            "quick": self.quick,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.started, 1),
            "commit": commit(),
            "machine": machine(),
            "goals_missed": [figure.name for figure in self.missed],
            "figures": [{**asdict(figure), "reached": figure.reached} for figure in self.figures],
            "details": self.details,
        }

    def table(self) -> Table:
        """The figures for people."""
        table = Table(title=f"bench {self.name}{' (quick)' if self.quick else ''}", title_justify="left")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("goal", justify="right")
        table.add_column("")
        verdicts = {True: "[green]reached[/]", False: "[bold red]missed[/]", None: ""}
        for figure in self.figures:
            goal = "" if figure.goal is None else f"{figure.comparator} {_number(figure.goal)}"
            verdict = " ".join(part for part in (verdicts[figure.reached], figure.note) if part)
            table.add_row(figure.name, f"{_number(figure.value)} {figure.unit}".strip(), goal, verdict)
        return table

    def finish(self, *, results: Path = RESULTS) -> int:
        """Print the table, write the result file, return the exit code: 1 if a goal is missed.

        A full run also brings docs/reference/benchmarks.md up to date.
        """
        # Wide enough for the longest row, so that a table in a log or a file is not folded.
        Console(width=None if os.isatty(1) else 140).print(self.table())
        results.mkdir(parents=True, exist_ok=True)
        target = results / f"{self.name}{'.quick' if self.quick else ''}.json"
        target.write_text(json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n")
        if results == RESULTS and not self.quick:
            subprocess.run([sys.executable, str(ROOT / "bench" / "_page.py")], check=True)
        return 1 if self.missed else 0


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def commit() -> str:
    """The commit of the code that ran, with ``+`` behind it where the work tree held more."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", "src", "bench", "bin") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "system": _system(),
        "python": platform.python_version(),
        "engine": _engine(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _engine() -> str:
    host = os.environ.get("HAVRE_TEST_DOCKER_HOST")
    if not host:
        return "none"
    client = docker.DockerClient(base_url=host)
    try:
        return str(client.version()["Version"])
    finally:
        client.close()
