"""What tests of the platform's images share: the engine, the images, containers of them."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from havre.adapters.buildkit.platform import prepare
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.exec import Session
from havre.images import PLATFORM_IMAGES

ON_DEMAND = tuple(image.name for image in PLATFORM_IMAGES if image.on_demand)

PASSWORD = "p%s'\"\\ $(id) é"
HOST_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture(scope="module")
def host() -> str:
    return os.environ["HAVRE_TEST_DOCKER_HOST"]


@pytest.fixture(scope="module")
def engine(host: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=host)
    yield client
    client.close()


@pytest.fixture(scope="module")
def ids(host: str) -> dict[str, str]:
    lines: list[str] = []
    return prepare(host, report=lines.append, also=ON_DEMAND)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    tmp_path.chmod(0o755)
    path.chmod(0o444)
    return path


def wait(condition: Callable[[], bool], *, seconds: float = 30.0, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what or "it took too long"
        time.sleep(0.1)


def healthy(container: Container) -> bool:
    container.reload()
    assert container.status in {"created", "running"}, container.logs().decode()
    return bool(container.attrs["State"]["Health"]["Status"] == "healthy")


def inside(container: Container, *command: str) -> tuple[int, str]:
    """Run a command in a container; its exit code and what it wrote. The SDK's own way loses output."""
    with tempfile.TemporaryFile() as written:
        engine = Engine(os.environ["HAVRE_TEST_DOCKER_HOST"])
        session = Session(engine, container.id, [*command], tty=False, stdin=False)
        code = session.run(-1, written.fileno(), written.fileno())
        written.seek(0)
        return code, written.read().decode().strip()


@contextmanager
def running(engine: docker.DockerClient, image: str, **options: object) -> Iterator[Container]:
    """A container from a platform image, by id, without capabilities, until the end of the block."""
    container = engine.containers.run(
        engine.images.get(image).id,
        detach=True,
        name=f"image-test-{uuid.uuid4().hex[:8]}",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        **options,
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def output(engine: docker.DockerClient, image: str, *command: str, **options: object) -> str:
    printed = engine.containers.run(
        engine.images.get(image).id, list(command[1:]), entrypoint=[command[0]], remove=True, **options
    )
    return str(printed.decode())
