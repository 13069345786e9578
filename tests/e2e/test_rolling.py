"""Rolling updates: never more tasks than replicas and step, no request lost, and back by the same way."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker

from e2e.test_faults import wait_until_final
from support.load import Shape, under_load
from support.repository import Repository
from support.server import Server

Make = Callable[..., Repository]

PATIENCE = 180.0  # seconds; a busy machine is slow


@contextmanager
def counting(engine: docker.APIClient, project: str) -> Iterator[list[int]]:
    """How many containers of the project ran at once, looked at all the time."""
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            seen.append(len(engine.containers(filters={"label": f"havre.project={project}"})))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def wait_until_shared(server: Server, project: str) -> None:
    """Wait until the new release has some of the requests."""
    deadline = time.monotonic() + PATIENCE
    while not any(row["beside"] for row in server.json("environments") if row["project"] == project):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def load_on(host: str) -> list[Shape]:
    """126 requests/s: kept and new connections, GET and POST, and some that take more than Swarm's 2 s."""
    url = "http://127.0.0.1/"
    return [
        Shape(url, host, rate=60),
        Shape(url, host, rate=30, keep_alive=False),
        Shape(url, host, rate=24, method="POST"),
        Shape(f"{url}?ms=3000", host, rate=12),
    ]


def test_a_rolling_update_and_one_whose_second_step_fails(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    """The application exits at once when told to: what is in flight then is lost."""
    # A request of 3 s that began just before takes longer on a busy machine.
    repository = make(replicas=3, drain="7s", strategy={"kind": "rolling", "step": 1})
    repository.commit(version="1", exitAtOnce=True)
    server.deploy(repository.folder)
    assert site.version() == "1"

    repository.commit(version="2", exitAtOnce=True)
    with counting(engine, project) as seen, under_load(*load_on(site.host)) as report:
        server.deploy(repository.folder, "--detach")
        operation = server.json("operations", "list", "--project", project)[0]["id"]
        wait_until_shared(server, project)
        server.stop(how=signal.SIGKILL)  # while the first old task drains
        server.start()
        assert wait_until_final(server, operation, PATIENCE) == "succeeded"
    assert report["failed"] == 0, report
    assert set(report["versions"]) == {"1", "2"}
    assert (min(seen), max(seen)) == (3, 4)
    (row,) = server.json("ps", "--project", project)
    assert (row["release"], row["running"]) == (2, 3)
    assert {site.version() for _ in range(6)} == {"2"}

    # Its first task is well; those after it find that one, and leave.
    repository.commit(version="3", exitAtOnce=True, exitUnlessFirst=True, bootMs=500)
    with counting(engine, project) as seen, under_load(*load_on(site.host)) as report:
        failed = server.deploy(repository.folder, check=False)
    assert failed.returncode == 1
    assert "exited with code 5" in " ".join((failed.stdout + failed.stderr).split())
    assert report["failed"] == 0, report
    assert "3" in report["versions"]  # the first step had served
    assert (min(seen) >= 3, max(seen)) == (True, 4)
    (row,) = server.json("ps", "--project", project)
    assert (row["release"], row["running"]) == (2, 3)
    assert {site.version() for _ in range(6)} == {"2"}
