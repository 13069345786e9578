"""The image of the reference application's API: its size, and what a small change costs to rebuild.

Built by the adapter that deployments use. Cold means that the engine has the platform's images and
nothing else: no build cache and no package store, so everything is downloaded.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Final

from bench._stage import dropit, load_average, rounded, run_docker, say, scratch
from bench.harness import Bench

from havre.adapters.buildkit.build import build
from havre.domain.build import BuildRequest, BuildResult
from havre.domain.naming import labels
from support.server import engine_host

MEGABYTE: Final = 1e6
SIZE_GOAL: Final = 1 / 4
TIME_GOAL: Final = 1 / 5
DOCKERFILE: Final = "apps/api/Dockerfile"
CHANGED: Final = "apps/api/src/main.ts"


def built(context: Path, *, target: str = "") -> BuildResult:
    """One build, its log unread."""
    request = BuildRequest(
        context=context,
        dockerfile=DOCKERFILE,
        target=target,
        tags=(f"dropit/api:bench-{target or 'final'}",),
        labels=labels("dropit", "bench"),
    )
    return build(request, engine_host=engine_host(), report=lambda _line: None)


def change_a_line(context: Path, number: int) -> None:
    """A line that ends up in the compiled program."""
    with (context / CHANGED).open("a") as file:
        file.write(f"export const change{number} = {number};\n")


def main() -> int:
    """Build cold, build again after one line, compare sizes and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one cold build and one rebuild, not three")
    quick = parser.parse_args().quick
    bench = Bench("dropit_image", quick=quick)
    bench.details["load_average"] = load_average()
    cold, warm = [], []
    with scratch() as folder:
        context = dropit(folder / "dropit")
        for number in range(1 if quick else 3):
            run_docker("builder", "prune", "--all", "--force")
            cold.append(built(context))
            change_a_line(context, number)
            warm.append(built(context))
            say(f"cold {cold[-1].seconds:.1f} s, after one line {warm[-1].seconds:.1f} s")
        stage = built(context, target="builder")
    final = warm[-1].size
    bench.figure("final image", final / MEGABYTE, unit="MB")
    bench.figure("builder stage", stage.size / MEGABYTE, unit="MB")
    bench.figure("final image / builder stage", final / stage.size, goal=SIZE_GOAL)
    cold_seconds = [one.seconds for one in cold]
    warm_seconds = [one.seconds for one in warm]
    whole, part = statistics.median(cold_seconds), statistics.median(warm_seconds)
    bench.figure("cold build", whole, unit="s", note="median, downloads included")
    bench.figure("rebuild after a one-line change", part, unit="s", note="median")
    bench.figure("rebuild / cold build", part / whole, goal=TIME_GOAL)
    bench.details |= {
        "cold_seconds": rounded(cold_seconds),
        "rebuild_seconds": rounded(warm_seconds),
        "cold_stages": {one.name: round(one.seconds, 2) for one in cold[-1].stages},
        "rebuild_stages": {one.name: round(one.seconds, 2) for one in warm[-1].stages},
    }
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
