"""Each Dockerfile that ``havre init`` writes, built by the real builder and served: it answers its health
path as an unprivileged user, with the production dependencies alone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import pytest
from docker.models.containers import Container

from havre.adapters.buildkit.build import build
from havre.adapters.buildkit.platform import prepare
from havre.domain.build import BuildResult
from havre.manifest import AppService, StaticService
from integration.build_fixtures import host, output
from support.proposed import prepared, request_of

__all__ = ["host"]  # fixture

PATIENCE = 90.0
PACKAGES = ".venv/lib/python3.13/site-packages"


@dataclass(frozen=True)
class Case:
    """A repository: its service, what its pages say, and what must not be in the image."""

    repository: str
    service: str
    path: str
    says: str
    absent: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()


CASES = (
    Case("express-npm", "api", "/", "express", ("node_modules/is-number", ".env.example", ".dockerignore")),
    Case("express-yarn", "api", "/ready", '"built":"true"', ("node_modules/is-number", "src", "build.js")),
    Case("npm-workspaces", "api", "/health", "workspace true", ("../../node_modules/is-number",)),
    Case("nest-pnpm", "api", "/api/health", '"status":"ok"', ("node_modules/typescript", "src", "/app/apps")),
    Case("nest-pnpm", "web", "/", 'id="status"'),
    Case("next-npm", "web", "/", "<h1>next</h1>", ("app/page.js", "next.config.mjs")),
    Case("next-npm", "web", "/robots.txt", "User-agent"),
    Case("vite-npm", "web", "/", "<h1>vite</h1>"),
    Case("fastapi-uv", "api", "/v1/items", "fastapi", (f"{PACKAGES}/iniconfig", "/usr/local/bin/uv")),
    Case(
        "django-pip", "web", "/static/site.css", "navy", (f"{PACKAGES}/iniconfig",),
        (("SECRET_KEY", "test"), ("ALLOWED_HOSTS", "*")),
    ),
    Case("flask-pip", "api", "/", "flask from src"),
    Case("flask-poetry", "api", "/", "poetry", (f"{PACKAGES}/iniconfig", f"{PACKAGES}/poetry")),
    Case("uv-workspace", "api", "/", "from the workspace", (f"{PACKAGES}/iniconfig", "packages", "apps")),
    Case("prisma-npm", "api", "/", "models Member", (".dockerignore",)),
    Case("site-files", "web", "/", "<h1>files</h1>"),
    Case("hugo", "web", "/", "It works.", ("/usr/bin/hugo", "/srv/hugo.toml")),
)  # fmt: skip


@pytest.fixture(scope="module")
def images(
    host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], tuple[str, object]]]:
    """The image and the manifest's words of a service; all are built two at a time, once."""
    prepare(host, report=lambda _: None, also=("python", "python-runtime"))
    folder = tmp_path_factory.mktemp("repositories")
    wanted = dict.fromkeys((case.repository, case.service) for case in CASES)
    repositories = {name: prepared(name, folder) for name in dict.fromkeys(name for name, _ in wanted)}

    def make(key: tuple[str, str]) -> BuildResult:
        root, _, manifest = repositories[key[0]]
        service = manifest.services[key[1]]
        assert isinstance(service, AppService | StaticService)
        return build(request_of(root, service, "init-test"), engine_host=host, report=lambda _: None)

    client = docker.DockerClient(base_url=host)
    with ThreadPoolExecutor(2) as pool:
        futures = {key: pool.submit(make, key) for key in wanted}

        def image(repository: str, service: str) -> tuple[str, object]:
            result = futures[repository, service].result()
            return result.image_id, repositories[repository][2].services[service]

        yield image
        for future in futures.values():
            if future.exception() is None:
                client.images.remove(future.result().image_id, force=True)
    client.close()


@pytest.fixture(scope="module")
def engine(host: str) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(base_url=host)
    yield client
    client.close()


def answer(container: Container, port: int, path: str) -> httpx.Response:
    """The first answer of a program that is starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        container.reload()
        assert container.status in {"created", "running"}, container.logs().decode()
        address = container.attrs["NetworkSettings"]["IPAddress"]
        if address:
            try:
                return httpx.get(f"http://{address}:{port}{path}", timeout=10, trust_env=False)
            except httpx.TransportError:
                pass
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.repository}-{case.service}-{case.path}")
def test_a_generated_image_serves(case: Case, images, engine: docker.DockerClient) -> None:
    image, service = images(case.repository, case.service)
    container = engine.containers.run(
        image,
        detach=True,
        name=f"init-test-{uuid.uuid4().hex[:8]}",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        environment={"PORT": str(service.port), **dict(case.env)},
    )
    try:
        well = answer(container, service.port, service.health.path)
        assert well.status_code == 200, (well.text, container.logs().decode())
        page = answer(container, service.port, case.path)
        assert page.status_code == 200
        assert case.says in page.text
        users = {process[0] for process in container.top(ps_args="-eo uid,pid,args")["Processes"]}
        assert "0" not in users, users
    finally:
        container.remove(force=True, v=True)
    checks = "; ".join(f"test ! -e {path} || echo {path}" for path in case.absent)
    assert output(image, checks or "true") == ""


def test_a_change_of_the_sources_leaves_the_dependencies_alone(images, host: str, tmp_path: Path) -> None:
    """What a generated Dockerfile is ordered for: no download, and the layer of dependencies is the same."""
    images("express-npm", "api")
    root, _, manifest = prepared("express-npm", tmp_path)
    server = root / "server.js"
    server.write_text(server.read_text() + "// changed\n")
    service = manifest.services["api"]
    assert isinstance(service, AppService)
    lines: list[str] = []
    build(request_of(root, service, "init-test"), engine_host=host, report=lines.append)
    assert any("npm ci" in line for line in lines), lines
    assert "added" not in "\n".join(lines)
