"""One Havre for all end-to-end tests; each test has a project of its own."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from support.repository import Repository, manifest
from support.server import Server, engine_host, running
from support.taker import taking


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """``havre serve``, shared; its folder can be reached by the web process' own account."""
    folder = Path(tempfile.mkdtemp(prefix="havre-e2e-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with running(folder / "state", storage_patience="15") as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.APIClient]:
    """The engine itself, to look past Havre and to break things."""
    client = docker.APIClient(base_url=engine_host(), version="auto")
    yield client
    client.close()


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project name made of the test's name."""
    words = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))
    return words.strip("-")[:20].strip("-")


@pytest.fixture
def make(server: Server, project: str, tmp_path: Path) -> Iterator[Callable[..., Repository]]:
    """Makes the test's repository; its environment is destroyed afterwards."""

    def repository(**api: Any) -> Repository:
        return Repository(tmp_path / project, manifest(project, **api))

    yield repository
    for row in server.json("environments"):
        if row["project"] == project:
            name = row["environment"]
            words = ("--project", project, "--env", name, "--yes-destroy", f"{project}-{name}")
            server.cli("destroy", "--volumes", *words)


class Site:
    """A deployed site as its users see it."""

    def __init__(self, host: str) -> None:
        self.host = host

    def get(self, path: str = "/", **options: Any) -> httpx.Response:
        """Ask through the public port."""
        return httpx.get(
            f"http://127.0.0.1{path}", headers={"Host": self.host}, timeout=10, trust_env=False, **options
        )

    def version(self) -> str:
        """The version that answers."""
        return str(self.get().json()["version"])


@pytest.fixture
def site(project: str) -> Site:
    """The test's site."""
    return Site(f"{project}.localhost")


@pytest.fixture(scope="module")
def alerts() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where alerts go: an address, and what came there."""
    with taking() as taker:
        taker.status = 204
        yield f"{taker.url}/key-of-the-hook", taker.got


def containers(engine: docker.APIClient, project: str, service: str = "api") -> list[dict[str, Any]]:
    """Running containers of a service."""
    label = [f"havre.project={project}", f"havre.service={service}"]
    return list(engine.containers(filters={"label": label}))
