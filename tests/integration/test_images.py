"""The platform's images on a real engine: they run as they will on a server, and are what they say."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import httpx
import pytest
from docker.models.containers import Container

from havre.adapters.buildkit.platform import prepare
from havre.images import PLATFORM_IMAGES, RECIPE_LABEL, platform_image, recipe_hash

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


def test_a_second_preparation_builds_nothing(host: str, ids: dict[str, str]) -> None:
    lines: list[str] = []
    assert prepare(host, report=lines.append, also=ON_DEMAND) == ids
    assert lines == []


def test_what_is_made_on_demand_is_left_out_where_nobody_asks(host: str, ids: dict[str, str]) -> None:
    usual = prepare(host, report=lambda _: None)
    assert ids.keys() - usual.keys() == {platform_image(name).tag for name in ON_DEMAND}


def test_each_image_says_which_recipe_it_is_from(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    for image in PLATFORM_IMAGES:
        assert engine.images.get(ids[image.tag]).labels[RECIPE_LABEL] == recipe_hash(image)


@pytest.mark.parametrize(
    "name", [image.name for image in PLATFORM_IMAGES if image.name not in {"base", "node", "python"}]
)
def test_runs_as_an_unprivileged_user(engine: docker.DockerClient, ids: dict[str, str], name: str) -> None:
    assert output(engine, platform_image(name).tag, "id", "-u").strip() not in {"", "0"}


@pytest.mark.parametrize("name", ["nginx", "postgres", "redis", "traefik"])
def test_has_a_health_check(engine: docker.DockerClient, ids: dict[str, str], name: str) -> None:
    assert engine.images.get(platform_image(name).tag).attrs["Config"]["Healthcheck"]["Test"]


@pytest.mark.parametrize("image", PLATFORM_IMAGES, ids=lambda image: image.name)
def test_holds_no_certificate_of_this_machine_alone(
    engine: docker.DockerClient, ids: dict[str, str], image: object
) -> None:
    """A proxy's certificate that builds trust is not trusted by what they build."""
    tag = getattr(image, "tag")  # noqa: B009 - the parameter is a PlatformImage
    inside = set(_certificates(output(engine, tag, "cat", str(HOST_BUNDLE))))
    assert len(inside) > 50
    assert output(engine, tag, "ls", "-A", "/usr/local/share/ca-certificates").strip() == ""
    own = Path("/usr/local/share/ca-certificates").glob("*.crt")
    for certificate in own:
        assert not inside & set(_certificates(certificate.read_text()))


def _certificates(bundle: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL)


def test_a_virtual_environment_of_one_python_image_works_in_the_other(
    engine: docker.DockerClient, ids: dict[str, str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    mount = {str(tmp_path): {"bind": "/app", "mode": "rw"}}
    assert output(engine, "havre/python:3.13", "uv", "venv", "/app/.venv", volumes=mount) is not None
    where = "import sys; print(sys.prefix, sys.version_info[:2])"
    printed = output(engine, "havre/python-runtime:3.13", "python", "-c", where, volumes=mount)
    assert printed == "/app/.venv (3, 13)\n"
    tools = "for tool in uv pip cc g++; do command -v $tool; done; true"
    assert output(engine, "havre/python-runtime:3.13", "sh", "-c", tools) == ""


def test_node_has_its_tools_and_precompresses(
    engine: docker.DockerClient, ids: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app.js").write_text("export const a = 1\n" * 500)
    (tmp_path / "small.css").write_text("a{}")
    (tmp_path / "photo.jpg").write_bytes(os.urandom(5000))
    tools = output(engine, "havre/node:24", "sh", "-c", "node -v; npm -v; pnpm -v")
    assert re.match(r"v24\.\d+\.\d+\n\d+\.\d+\.\d+\n10\.\d+\.\d+\n", tools)
    said = output(engine, "havre/node:24", "havre-precompress", "/site", volumes=[f"{tmp_path}:/site"])
    assert "precompressed 1 files: 9500 bytes" in said
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert made == ["assets/app.js", "assets/app.js.br", "assets/app.js.gz", "photo.jpg", "small.css"]


def test_node_runtime_has_no_package_manager(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    found = output(engine, "havre/node-runtime:24", "sh", "-c", "which npm pnpm npx gcc; node -p 6*7")
    assert found.strip() == "42"


# --- nginx -------------------------------------------------------------------------------------


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


# --- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture
def volume(engine: docker.DockerClient) -> Iterator[str]:
    made = engine.volumes.create(f"image-test-{uuid.uuid4().hex[:8]}")
    yield made.name
    made.remove(force=True)


@contextmanager
def postgres(
    engine: docker.DockerClient, volume: str, password_file: Path, **options: object
) -> Iterator[Container]:
    with running(
        engine,
        "havre/postgres:17",
        environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "drop-it"},
        volumes=[f"{volume}:/var/lib/postgresql/data", f"{password_file}:/run/secrets/password:ro"],
        **options,
    ) as container:
        yield container


def sql(
    container: Container, statement: str, *, password: str = PASSWORD, user: str = "drop-it"
) -> tuple[int, str]:
    code, printed = container.exec_run(
        ["psql", "-h", "127.0.0.1", "-U", user, "-d", "drop-it", "-AtXc", statement],
        environment={"PGPASSWORD": password},
    )
    return code, printed.decode().strip()


def test_postgres_keeps_data_and_follows_its_password(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    with postgres(engine, volume, password_file, mem_limit="256m") as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        assert sql(container, "create table t as select 7 as n; select n from t") == (0, "SELECT 1\n7")
        assert sql(container, "show data_checksums")[1] == "on"
        assert sql(container, "show shared_buffers")[1] == "64MB"
        assert sql(container, "select rolsuper from pg_roles where rolname = current_user")[1] == "f"
        assert sql(container, "select datcollate, datlocprovider from pg_database where datname = 'drop-it'")[
            1
        ] == ("C.UTF-8|b")
        code, answer = sql(container, "select 1", password="wrong")
        assert code != 0
        assert "password authentication failed" in answer
        code, answer = sql(container, "select 1", password="", user="postgres")
        assert code != 0, "the superuser has no password and stays inside"
        everything = container.top()["Processes"], container.logs().decode()
        assert PASSWORD not in str(everything)
        started = time.monotonic()
        container.stop(timeout=60)
        assert time.monotonic() - started < 50, "it heeded SIGTERM, and was not killed"
        assert container.wait()["StatusCode"] == 0
        assert "database system is shut down" in container.logs().decode()
    password_file.chmod(0o644)
    password_file.write_text("another")
    with postgres(engine, volume, password_file) as container:
        wait(lambda: healthy(container), what="PostgreSQL is not healthy")
        assert sql(container, "select n from t", password="another") == (0, "7")
        assert sql(container, "select 1")[0] != 0


@pytest.mark.parametrize("seconds", [0.25, 0.6, 0.9, 1.2])
def test_postgres_killed_at_any_moment_of_its_first_start_comes_up(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path, seconds: float
) -> None:
    with postgres(engine, volume, password_file) as container:
        time.sleep(seconds)
        container.kill()
    with postgres(engine, volume, password_file) as container:
        wait(lambda: healthy(container), what=container.logs().decode())
        assert sql(container, "select 1") == (0, "1")
        assert container.exec_run(["ls", "/var/lib/postgresql/data"])[1].decode().split() == ["pgdata"]


def test_postgres_touches_nothing_that_is_no_cluster(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    output(
        engine, "havre/postgres:17", "sh", "-c", "mkdir $PGDATA && echo mine >$PGDATA/file",
        volumes=[f"{volume}:/var/lib/postgresql/data"],
    )  # fmt: skip
    with postgres(engine, volume, password_file) as container:
        assert container.wait(timeout=20)["StatusCode"] == 1
        assert "no cluster and not empty: not touched" in container.logs().decode()


def test_pgbackrest_is_there(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    assert output(engine, "havre/postgres:17", "pgbackrest", "version").startswith("pgBackRest 2.")


# --- Redis -------------------------------------------------------------------------------------


def redis_says(container: Container, *command: str, password: str = PASSWORD) -> str:
    # Each of these has an answer; on a busy machine the engine may lose what a short command printed.
    for _ in range(5):
        _, printed = container.exec_run(
            ["redis-cli", "--no-auth-warning", *command], environment={"REDISCLI_AUTH": password}
        )
        if said := str(printed.decode().strip()):
            return said
    return ""


def test_redis_wants_its_password_and_keeps_what_it_shall(
    engine: docker.DockerClient, ids: dict[str, str], volume: str, password_file: Path
) -> None:
    options = {
        "environment": {
            "REDIS_PASSWORD_FILE": "/run/secrets/password",
            "REDIS_MAXMEMORY": "50mb",
            "REDIS_MAXMEMORY_POLICY": "allkeys-lru",
            "REDIS_PERSISTENCE": "aof",
        },
        "volumes": [f"{volume}:/data", f"{password_file}:/run/secrets/password:ro"],
        "read_only": True,
    }
    with running(engine, "havre/redis:8", **options) as container:
        wait(lambda: healthy(container), what="Redis is not healthy")
        assert redis_says(container, "set", "k", "v") == "OK"
        assert redis_says(container, "config", "get", "maxmemory").split() == ["maxmemory", "52428800"]
        assert "WRONGPASS" in redis_says(container, "get", "k", password="wrong")
        assert "NOAUTH" in redis_says(container, "get", "k", password="")
        assert PASSWORD not in str(container.top()["Processes"])
        assert PASSWORD not in container.logs().decode()
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == 0
    with running(engine, "havre/redis:8", **options) as container:
        wait(lambda: healthy(container), what="Redis is not healthy")
        assert redis_says(container, "get", "k") == "v"


# --- Traefik -----------------------------------------------------------------------------------


def test_traefik_is_healthy_when_its_ping_answers(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    command = [
        "--entrypoints.web.address=:8080",
        "--entrypoints.internal.address=:8079",
        "--ping.entrypoint=internal",
    ]
    with running(engine, "havre/traefik:3", command=command, read_only=True) as container:
        wait(lambda: healthy(container), what="Traefik is not healthy")
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == 0


def test_the_shell_command_prepares_too(host: str, ids: dict[str, str]) -> None:
    done = subprocess.run(
        ["python", "-m", "havre.adapters.buildkit.platform", "--host", host],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == ""
