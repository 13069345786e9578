"""Canaries: shares by weight, promoted or given up by hand, by errors and by slowness, and after a death."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import docker
import httpx

from e2e.test_faults import orphans, wait_until_final
from support.load import Shape, under_load
from support.repository import Repository, manifest
from support.server import Server

Make = Callable[..., Repository]

PATIENCE = 90.0  # seconds; a busy machine is slow


def canary(**more: Any) -> dict[str, Any]:
    """A strategy for tests: pauses are short, and many requests come."""
    return {"kind": "canary", "weights": [20, 50], "pause": "2s", "min_requests": 30, **more}


def load_on(host: str, rate: float = 100) -> list[Shape]:
    """Kept and new connections, GET and POST."""
    url = "http://127.0.0.1/"
    return [
        Shape(url, host, rate=rate * 0.6),
        Shape(url, host, rate=rate * 0.2, keep_alive=False),
        Shape(url, host, rate=rate * 0.2, method="POST"),
    ]


def beside(server: Server, project: str) -> dict[str, Any] | None:
    """The environment's second release and its weights."""
    rows = {row["project"]: row for row in server.get("/api/v1/environments").json()}
    found: dict[str, Any] | None = rows[project]["beside"]
    return found


def wait_for_weight(server: Server, project: str, weight: int) -> None:
    """Wait until the new release's share is this."""
    deadline = time.monotonic() + PATIENCE
    while (found := beside(server, project)) is None or found["weights"] != {"api": weight}:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def shares(host: str, requests: int = 200) -> Counter[str]:
    """How many of some requests each release answers; the router must have read its file by then."""
    time.sleep(0.5)
    with httpx.Client(trust_env=False, timeout=10) as client:
        return Counter(
            client.get("http://127.0.0.1/", headers={"Host": host}).headers["X-Havre-Release"]
            for _ in range(requests)
        )


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What the user reads, without line ends."""
    return " ".join((done.stdout + done.stderr).replace("│", " ").split())


def test_a_canary_by_hand(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    """Weights are held, a killed worker changes nothing, and promoting and giving up lose no request."""
    repository = make(drain="1s", strategy=canary(promote="manual"))
    server.deploy(repository.folder)
    refused = server.cli("promote", "--project", project, check=False)
    assert "no canary runs" in told(refused)

    repository.commit(version="2", exitAtOnce=True)
    with under_load(*load_on(site.host)) as report:
        server.deploy(repository.folder, "--detach")
        operation = server.json("operations", "list", "--project", project)[0]["id"]
        wait_for_weight(server, project, 20)
        assert 30 <= shares(site.host)["2"] <= 50
        rows = {row["release"]: row for row in server.json("ps", "--project", project)}
        assert {release: row["weight"] for release, row in rows.items()} == {1: 80, 2: 20}
        assert server.json("environments")[0]["beside"] is not None
        server.cli("plan", "--drift", "--project", project)  # it neither waits nor finds any

        server.stop(how=signal.SIGKILL)
        assert 30 <= shares(site.host)["2"] <= 50
        server.start()
        assert beside(server, project) == {"release": 2, "weights": {"api": 20}}
        server.cli("promote", "--project", project)
        wait_for_weight(server, project, 50)
        assert 80 <= shares(site.host)["2"] <= 120
        assert [r["number"] for r in server.json("releases", "--project", project) if r["current"]] == [1]
        server.cli("abort", "--project", project)
        assert wait_until_final(server, operation) == "cancelled"
        assert shares(site.host, 20) == {"1": 20}
        assert beside(server, project) is None
        assert orphans(engine, project) == [f"{project}-production-api-r1"]

        repository.commit(version="3")
        server.deploy(repository.folder, "--detach")
        operation = server.json("operations", "list", "--project", project)[0]["id"]
        wait_for_weight(server, project, 20)
        server.cli("promote", "--all", "--project", project)
        assert wait_until_final(server, operation) == "succeeded"
        assert shares(site.host, 20) == {"3": 20}
    assert report["failed"] == 0, report
    assert set(report["versions"]) == {"1", "2", "3"}


def test_a_canary_that_is_worse_is_given_up_and_one_as_good_takes_over(
    server: Server, make: Make, site: Any, project: str
) -> None:
    """Each answers some requests with an error; only the one that does so more often is worse."""
    repository = make(drain="1s", strategy=canary(weights=[50], pause="60s"))
    repository.commit(version="1", errorRate=0.02)
    server.deploy(repository.folder)

    repository.commit(version="2", errorRate=0.12)
    with under_load(*load_on(site.host, rate=200)) as report:
        done = server.deploy(repository.folder, check=False)
    assert done.returncode == 1
    assert "answers are errors, of the old release's" in told(done), told(done)
    assert set(report["causes"]) <= {"status 500"}, report  # the application's own

    repository.commit(version="3", errorRate=0.02, slowMs=300)
    with under_load(*load_on(site.host, rate=200)) as report:
        done = server.deploy(repository.folder, check=False)
    assert done.returncode == 1
    assert "max_latency allows 2 times" in told(done), told(done)
    assert set(report["causes"]) <= {"status 500"}, report
    assert shares(site.host, 20) == {"1": 20}

    kept = manifest(project, drain="1s", strategy=canary())
    repository.commit(manifest=kept, version="4", errorRate=0.02)
    with under_load(*load_on(site.host)):
        done = server.deploy(repository.folder)
    assert "20 %, 50 %" in told(done)
    assert shares(site.host, 20) == {"4": 20}
