"""The platform's nginx: it serves what a site needs, and finishes its requests."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import httpx
import pytest
from docker.models.containers import Container

from integration.image_containers import engine, healthy, host, ids, running, wait

__all__ = ["engine", "host", "ids"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    pages = {
        "index.html": "<h1>home</h1>",
        "about/index.html": "about",
        "assets/index-DiwrgTda.js": "x" * 3000,
        "main.3f2a1b9c.js": "hashed",
        "main-component.js": "not hashed",
        "robots.txt": "robots",
        ".env": "SECRET=1",
    }
    for name, content in pages.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "site/assets/index-DiwrgTda.js.br").write_bytes(b"brotli")
    (tmp_path / "site/assets/index-DiwrgTda.js.gz").write_bytes(gzip.compress(b"gzipped"))
    tmp_path.chmod(0o755)
    return tmp_path / "site"


@contextmanager
def served(
    engine: docker.DockerClient, site: Path, *command: str
) -> Iterator[tuple[Container, httpx.Client]]:
    with running(
        engine,
        "havre/nginx:1",
        command=list(command) or None,
        read_only=True,
        tmpfs={"/tmp": ""},
        volumes=[f"{site}:/srv:ro"],
    ) as container:
        wait(lambda: healthy(container))
        address = container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
        with httpx.Client(base_url=f"http://{address}:8080") as client:
            yield container, client


def test_nginx_serves_a_single_page_application(
    engine: docker.DockerClient, ids: dict[str, str], site: Path
) -> None:
    with served(engine, site) as (container, client):
        home = client.get("/some/deep/address")
        assert (home.status_code, home.text) == (200, "<h1>home</h1>")
        assert home.headers["cache-control"] == "no-cache"
        assert home.headers["x-content-type-options"] == "nosniff"
        assert home.headers["server"] == "nginx"
        assert home.headers["content-type"] == "text/html; charset=utf-8"
        assert client.get("/about/").text == "about"
        assert client.get("/about").headers["location"] == "/about/"
        forever = "public, max-age=31536000, immutable"
        assert client.get("/assets/index-DiwrgTda.js").headers["cache-control"] == forever
        assert client.get("/main.3f2a1b9c.js").headers["cache-control"] == forever
        assert client.get("/main-component.js").headers["cache-control"] == "no-cache"
        missing = client.get("/assets/gone-12345678.js")
        assert missing.status_code == 404
        assert "cache-control" not in missing.headers
        assert missing.headers["x-content-type-options"] == "nosniff"
        assert client.get("/gone.css").status_code == 404
        assert client.get("/.env").status_code == 404
        assert client.get("/.havre/health").text == "ok\n"
        with client.stream("GET", "/assets/index-DiwrgTda.js", headers={"accept-encoding": "br, gzip"}) as br:
            assert br.headers["content-encoding"] == "br"
            assert b"".join(br.iter_raw()) == b"brotli"
        with client.stream("GET", "/assets/index-DiwrgTda.js", headers={"accept-encoding": "gzip"}) as gz:
            assert b"".join(gz.iter_bytes()) == b"gzipped"
        assert (
            client.get(
                "/robots.txt", headers={"if-none-match": client.get("/robots.txt").headers["etag"]}
            ).status_code
            == 304
        )
        log = container.logs().decode()
        assert '"GET /robots.txt HTTP/1.1" 304' in log
        assert ".havre/health" not in log


def test_nginx_without_the_fallback(engine: docker.DockerClient, ids: dict[str, str], site: Path) -> None:
    with served(engine, site, "nginx", "-c", "/etc/nginx/files.conf") as (_, client):
        assert client.get("/").text == "<h1>home</h1>"
        assert client.get("/about/").text == "about"
        assert client.get("/some/address").status_code == 404


def test_nginx_finishes_its_requests_when_stopped(
    engine: docker.DockerClient, ids: dict[str, str], site: Path
) -> None:
    with served(engine, site) as (container, client):
        client.get("/")
        started = time.monotonic()
        container.stop(timeout=60)
        assert time.monotonic() - started < 50, "it heeded SIGTERM, and was not killed"
        assert container.wait()["StatusCode"] == 0
