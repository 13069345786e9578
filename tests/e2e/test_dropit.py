"""The reference application, whole: API, static site, PostgreSQL, Redis, behind Traefik."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from support.repository import git
from support.server import Server

EXAMPLE = Path(__file__).parents[2] / "examples" / "dropit"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Git repository of the example's tracked files."""
    folder = tmp_path_factory.mktemp("dropit") / "dropit"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "."],
        cwd=EXAMPLE,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(EXAMPLE / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "DropIt")
    return folder


@pytest.fixture(scope="module")
def deployed(server: Server, repository: Path) -> Iterator[Path]:
    """DropIt in production."""
    server.deploy(repository)
    yield repository
    server.cli("destroy", "--project", "dropit", "--volumes", "--yes-destroy", "dropit-production")


def ask(host: str, path: str, **options: Any) -> httpx.Response:
    """A request through the public port."""
    method = options.pop("method", "GET")
    return httpx.request(
        method,
        f"http://127.0.0.1{path}",
        headers={"Host": host, **options.pop("headers", {})},
        timeout=10,
        trust_env=False,
        **options,
    )


def test_the_api_stores_what_it_is_given(deployed: Path) -> None:
    athlete = {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.org",
        "birthDate": "1990-12-10",
    }
    made = ask("api.dropit.localhost", "/athletes", method="POST", json=athlete)
    assert made.status_code == httpx.codes.CREATED, made.text
    found = ask("api.dropit.localhost", f"/athletes/{made.json()['id']}").json()
    assert found["email"] == "ada@example.org"
    health = ask("api.dropit.localhost", "/health").json()
    assert health["database"] == "up"
    assert health["cache"] == "up"


def test_the_site_is_served_as_a_single_page_application(deployed: Path) -> None:
    page = ask("dropit.localhost", "/athletes/some-deep-link")
    assert page.status_code == httpx.codes.OK
    assert '<div id="root">' in page.text
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    script = page.text.split('src="/assets/')[1].split('"')[0]
    asset = ask("dropit.localhost", f"/assets/{script}", headers={"Accept-Encoding": "br"})
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-encoding"] == "br"
    assert "http://api.dropit.localhost" in ask("dropit.localhost", f"/assets/{script}").text


def test_data_services_are_not_published_and_hide_their_passwords(
    server: Server, deployed: Path, engine: docker.APIClient
) -> None:
    services = engine.services(filters={"label": "havre.project=dropit"})
    by_name = {service["Spec"]["Name"]: service for service in services}
    password = next(
        value.split(":")[2].split("@")[0]
        for value in by_name["dropit-production-api-r1"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
        if value.startswith("DATABASE_URL=")
    )
    for name in ("dropit-production-db", "dropit-production-cache"):
        spec = by_name[name]["Spec"]
        assert not by_name[name]["Endpoint"].get("Ports")
        assert password not in json.dumps(spec)
        networks = [net["Target"] for net in spec["TaskTemplate"]["Networks"]]
        assert [engine.inspect_network(net)["Name"] for net in networks] == ["dropit-production"]
    for image in {service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] for service in services}:
        assert password not in json.dumps(engine.inspect_image(image))
        assert password not in json.dumps(engine.history(image))
    for file in [server.log, *server.state.rglob("*")]:
        if file.is_file():
            assert password.encode() not in file.read_bytes(), file


def test_a_change_of_the_site_leaves_the_api_alone(server: Server, deployed: Path) -> None:
    page = deployed / "apps" / "web" / "index.html"
    page.write_text(page.read_text().replace("<title>DropIt</title>", "<title>DropIt 2</title>"))
    git(deployed, "commit", "--quiet", "--all", "--message", "Rename the page")
    server.deploy(deployed)
    assert "<title>DropIt 2</title>" in ask("dropit.localhost", "/").text
    rows = {row["service"]: row for row in server.json("ps", "--project", "dropit")}
    assert rows["web"]["swarm_service"] == "dropit-production-web-r2"
    assert rows["api"]["running"] == 2
