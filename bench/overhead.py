"""What Havre adds to a bare `docker build` and start, for a build of realistic length.

The reference application's API, one task, its database and cache running. Before each build the
engine forgets every layer and keeps the package store; both sides build the same Dockerfile. Havre:
from `havre deploy` typed to the first public answer of the new release. Bare: from `docker build`
typed, then `docker service create` with the same environment and network, to the first answer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import docker
import httpx
import ruamel.yaml
from bench._stage import (
    build_image,
    commit,
    dropit,
    engine,
    havre,
    is_ok,
    last_operation,
    load_average,
    rounded,
    run_docker,
    say,
    scratch,
    until,
    wait_for,
)
from bench.harness import Bench

from support.server import Server

OVERHEAD_GOAL: Final = 5.0  # percent
PROJECT: Final = "dropit"
NETWORK: Final = f"{PROJECT}-production"
HOST: Final = "api.dropit.localhost"
BARE: Final = "bench-bare"
BARE_PORT: Final = 8091


def write_manifest(repository: Path, *, release_command: bool) -> None:
    """The API alone with what it needs; migrated once, so that the bare side need not."""
    yaml = ruamel.yaml.YAML()
    file = repository / "havre.yaml"
    document: dict[str, Any] = yaml.load(file)
    document["services"].pop("web", None)
    api = document["services"]["api"]
    api["replicas"] = 1
    api["drain"] = "1s"
    api["env"].pop("WEB_ORIGIN", None)
    if not release_command:
        api.pop("release", None)
    document.pop("environments", None)
    yaml.dump(document, file)
    commit(repository, "Leave out what is not measured")


def forget_layers() -> None:
    """The same cache for both sides: cache mounts (the package store) stay, layers do not."""
    run_docker("builder", "prune", "--all", "--force", "--filter=type=regular")


def by_havre(server: Server, repository: Path, number: int) -> dict[str, float]:
    """Seconds from typing the command to the first answer, and what they went into."""
    change(repository, number)
    forget_layers()
    before = server.json("releases", "--project", PROJECT)[0]["number"]

    def is_newer(answer: httpx.Response) -> bool:
        return is_ok(answer) and int(answer.headers.get("x-havre-release", "0")) > before

    with ThreadPoolExecutor(1) as pool:
        began = time.time()
        first = pool.submit(wait_for, "http://127.0.0.1/health", HOST, is_newer, patience=600, every=0.02)
        server.deploy(repository)
        answered = first.result()
    recorded = last_operation(server, PROJECT)
    steps = {name: span.seconds for name, span in recorded.steps.items() if span.ended <= answered + 1}
    return {
        "total": answered - began,
        "command to operation": recorded.created - began,
        "operation to claim": recorded.claimed - recorded.created,
        **{f"step {name}": seconds for name, seconds in steps.items()},
    }


def by_hand(client: docker.APIClient, repository: Path, number: int) -> dict[str, float]:
    """The same by `docker build` and `docker service create`."""
    change(repository, number)
    variables = environment_of(client)
    forget_layers()
    began = time.time()
    image = build_image(repository, f"--file={repository / 'apps/api/Dockerfile'}")
    has_built = time.time()
    run_docker(
        "service", "create", "--detach", "--no-resolve-image", f"--name={BARE}", f"--network={NETWORK}",
        "--endpoint-mode=dnsrr", f"--publish=mode=host,published={BARE_PORT},target=3000", "--init",
        *(f"--env={variable}" for variable in variables), image,
    )  # fmt: skip
    answered = wait_for(f"http://127.0.0.1:{BARE_PORT}/health", HOST, is_ok, every=0.02)
    run_docker("service", "rm", BARE)
    until(lambda: not client.containers(filters={"label": f"com.docker.swarm.service.name={BARE}"}))
    return {"total": answered - began, "build": has_built - began, "start": answered - has_built}


def change(repository: Path, number: int) -> None:
    """Another commit, as each deployment has."""
    with (repository / "apps/api/src/main.ts").open("a") as file:
        file.write(f"export const change{number} = {number};\n")
    commit(repository, f"Change {number}")


def environment_of(client: docker.APIClient) -> list[str]:
    """The variables that the deployed API runs with."""
    services = client.services(filters={"label": [f"havre.project={PROJECT}", "havre.service=api"]})
    variables: list[str] = services[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    return variables


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Part by part."""
    return {name: statistics.median(row[name] for row in rows if name in row) for name in rows[0]}


def tell(bench: Bench, havres: list[dict[str, float]], bares: list[dict[str, float]]) -> None:
    """Add the figures."""
    ours, bare = medians(havres), medians(bares)
    note = f"median of {len(havres)}"
    bench.figure("havre deploy to first answer", ours["total"], unit="s", note=note)
    bench.figure("docker build and service create to first answer", bare["total"], unit="s", note=note)
    percent = 100 * (ours["total"] / bare["total"] - 1)
    bench.figure("overhead", percent, unit="%", goal=OVERHEAD_GOAL, note="ratio of the medians above")
    # Two builds of one Dockerfile differ by more than Havre adds; this leaves them out.
    outside = (ours["total"] - ours["step build"]) - (bare["total"] - bare["build"])
    bench.figure("added outside the build", outside, unit="s")
    bench.figure("added outside the build, of the bare total", 100 * outside / bare["total"], unit="%")
    for name, seconds in list(bare.items())[1:]:
        bench.figure(f"bare: {name}", seconds, unit="s")
    for name, seconds in list(ours.items())[1:]:
        bench.figure(f"havre: {name}", seconds, unit="s")
    bench.details["havre_totals"] = rounded([row["total"] for row in havres])
    bench.details["bare_totals"] = rounded([row["total"] for row in bares])


def main() -> int:
    """Build and start by turns, first the one and then the other: a drift of the machine meets both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one pair of builds, not five")
    quick = parser.parse_args().quick
    bench = Bench("overhead", quick=quick)
    bench.details["load_average"] = load_average()
    havres, bares = [], []
    with scratch() as folder, engine() as client, havre() as server:
        repository = dropit(folder / "dropit")
        write_manifest(repository, release_command=True)
        server.deploy(repository)
        write_manifest(repository, release_command=False)
        for pair in range(1 if quick else 5):
            if pair % 2:
                havres.append(by_havre(server, repository, 2 * pair))
                bares.append(by_hand(client, repository, 2 * pair + 1))
            else:
                bares.append(by_hand(client, repository, 2 * pair))
                havres.append(by_havre(server, repository, 2 * pair + 1))
            say(f"havre {havres[-1]['total']:.1f} s, bare {bares[-1]['total']:.1f} s")
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", NETWORK)
    tell(bench, havres, bares)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
