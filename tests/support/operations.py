"""Operations of a real server, as somebody follows them who breaks something meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from support.load import Shape, under_load
from support.repository import Repository
from support.server import Server

Make = Callable[..., Repository]
"""Makes a repository whose service has these words in its manifest (the fixture ``make``)."""
PATIENCE = 240.0
SERVED = "not one request failed"


def loaded(site: Any) -> Any:
    """Requests to the site during a block; they give up after five seconds."""
    return under_load(Shape("http://127.0.0.1/", site.host, rate=20, timeout=5.0))


def begin(server: Server, repository: Repository, step: str = "") -> int:
    """Start a deployment, and wait until a step of it runs."""
    server.deploy(repository.folder, "--detach")
    number = int(server.json("operations", "list", "--project", repository.manifest["project"])[0]["id"])
    wait_for(lambda: not step or is_at(server, number, step))
    return number


def is_at(server: Server, number: int, step: str) -> bool:
    """Whether a step of an operation runs or is done."""
    shown = server.get(f"/api/v1/operations/{number}").json()
    return any(s["name"] == step and s["state"] in {"running", "done"} for s in shown["steps"])


def outcome(server: Server, number: int) -> dict[str, Any]:
    """The operation, once it is over."""
    found: dict[str, Any] = {}

    def is_over() -> bool:
        answer = server.get(f"/api/v1/operations/{number}")
        if answer.is_success:
            found.update(answer.json())
        return found.get("state") in {"succeeded", "failed", "cancelled"}

    wait_for(is_over)
    return found


def failing(server: Server, repository: Repository, *words: str) -> str:
    """Deploy, see it fail with these words, and give back message and remedy."""
    number = begin(server, repository)
    done = outcome(server, number)
    assert done["state"] == "failed", done
    for word in words:
        assert word in told(done), told(done)
    return told(done)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until that is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def failed_for(report: dict[str, Any], *, at_most: float) -> str:
    """How many requests failed, in words; more than those of so many seconds fail the test."""
    assert report["failed"] < 20 * at_most, report
    failed, sent = report["failed"], report["sent"]
    return f"{failed} of {sent} requests failed, at 20 a second" if failed else SERVED


def newest(server: Server, project: str) -> dict[str, Any]:
    """The operation that was asked for last."""
    number = server.json("operations", "list", "--project", project)[0]["id"]
    return dict(server.get(f"/api/v1/operations/{number}").json())


def told(operation: dict[str, Any]) -> str:
    """Message and remedy of an operation that failed."""
    error = operation["error"]
    return f"{error['message']} → {error['hint']}"


def log_of(server: Server, number: int) -> str:
    """What the operation logged."""
    return server.cli("operations", "follow", str(number), "--json", check=False).stdout
