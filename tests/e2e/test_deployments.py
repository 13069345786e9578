"""The main job: deploy, redeploy under load, roll back, scale, restart, destroy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import docker

from support.load import Shape, under_load
from support.repository import Repository
from support.server import Server

Make = Callable[..., Repository]


def load_on(host: str) -> list[Shape]:
    """200 requests/s: GET and POST, kept and new connections, and some that take two seconds."""
    url = "http://127.0.0.1/"
    return [
        Shape(url, host, rate=70),
        Shape(url, host, rate=65, keep_alive=False),
        Shape(url, host, rate=60, method="POST"),
        Shape(f"{url}?ms=2000", host, rate=5),
    ]


def test_redeploy_and_roll_back_under_load(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    repository = make(replicas=2, drain="3s")
    server.deploy(repository.folder)
    assert site.version() == "1"
    with under_load(*load_on(site.host)) as report:
        repository.commit(version="2", exitAtOnce=True)
        server.deploy(repository.folder)
        assert site.version() == "2"
        server.cli("rollback", "--project", project)
        assert site.version() == "1"
        server.cli("restart", "--project", project)
    assert report["failed"] == 0, report
    assert report["sent"] > 1000
    assert set(report["versions"]) == {"1", "2"}

    releases = server.json("releases", "--project", project)
    assert [(r["number"], r["current"]) for r in releases] == [(3, True), (2, False), (1, False)]
    build = releases[-1]["builds"][0]
    assert build["size"] > 1_000_000
    assert build["stages"]
    image = releases[0]["images"]["api"]
    running = engine.containers(filters={"label": f"havre.project={project}"})
    assert {container["ImageID"] for container in running} == {image}


def test_what_did_not_change_is_not_restarted(server: Server, make: Make, site: Any, project: str) -> None:
    repository = make()
    server.deploy(repository.folder)
    before = server.json("ps", "--project", project)
    repository.write("notes.txt", "not part of the image")
    server.deploy(repository.folder)
    after = server.json("ps", "--project", project)
    assert [row["swarm_service"] for row in after] == [row["swarm_service"] for row in before]
    assert site.get().headers["x-havre-release"] == "2"


def test_scaling(server: Server, make: Make, site: Any, project: str, engine: docker.APIClient) -> None:
    server.deploy(make(replicas=1).folder)
    server.cli("scale", "--project", project, "api=3")
    assert server.json("ps", "--project", project)[0]["running"] == 3
    published = json.loads((server.state / "traefik" / "dynamic" / f"{project}-production.yml").read_text())
    servers = published["http"]["services"][f"{project}-production-api-tasks"]["loadBalancer"]["servers"]
    assert len(servers) == 3
    with under_load(*load_on(site.host)) as report:
        server.cli("scale", "--project", project, "--reset", "api")
    assert report["failed"] == 0, report
    assert server.json("ps", "--project", project)[0]["running"] == 1
    refused = server.cli("scale", "--project", project, "db=3", check=False)
    assert refused.returncode != 0
    assert "db" in refused.stdout + refused.stderr


def test_variables_and_secrets_reach_the_application_and_nothing_else(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    secret = "correct-horse-battery"
    repository = make(env={"TOKEN": {"secret": "token"}, "GREETING": "hello"})
    missing = server.deploy(repository.folder, check=False)
    assert missing.returncode != 0
    assert "token" in missing.stderr + missing.stdout
    server.cli("secrets", "set", "token", "--project", project, stdin=secret)
    server.deploy(repository.folder)
    assert site.get("/environment?name=TOKEN").json() == {"value": secret}
    server.cli("env", "set", "GREETING=bonjour", "--project", project)
    assert site.get("/environment?name=GREETING").json() == {"value": "hello"}
    server.cli("restart", "--project", project)
    assert site.get("/environment?name=GREETING").json() == {"value": "bonjour"}

    listed = server.cli("secrets", "list", "--project", project, "--json").stdout
    assert "token" in listed
    assert secret not in listed
    for service in engine.services(filters={"label": f"havre.project={project}"}):
        spec = service["Spec"]
        assert secret not in json.dumps(spec["Labels"])
        assert secret not in json.dumps(spec["TaskTemplate"]["ContainerSpec"].get("Args", []))
    for file in [server.log, *server.state.rglob("*")]:
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_a_volume_survives_its_service_and_destroy_unless_told(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    repository = make(volumes=["data:/data"])
    # The volume's folder belongs to root in a fresh volume; the image has to own it.
    repository.write(
        "Dockerfile",
        (repository.folder / "Dockerfile")
        .read_text()
        .replace("USER node", "USER root\nRUN mkdir /data && chown node /data\nUSER node"),
    )
    server.deploy(repository.folder)
    assert site.get("/visits").json() == {"visits": 1}
    repository.commit(version="2")
    server.deploy(repository.folder)
    assert site.version() == "2"
    assert site.get("/visits").json() == {"visits": 2}

    repository.commit(version="3", exitAtStart=4)
    failed = server.deploy(repository.folder, check=False)
    assert failed.returncode == 1
    assert site.version() == "2"
    assert site.get("/visits").json() == {"visits": 3}

    server.cli("destroy", "--project", project, "--yes-destroy", f"{project}-production")
    label = {"label": f"havre.project={project}"}
    left = [*engine.services(filters=label), *engine.networks(filters=label)]
    assert [*left, *engine.containers(all=True, filters=label)] == [], "at once, not when Swarm comes to it"
    names = [volume["Name"] for volume in engine.volumes()["Volumes"]]
    assert f"{project}-production-data" in names


def test_logs_follow_into_the_next_release(server: Server, make: Make, project: str) -> None:
    repository = make(drain="1s")
    server.deploy(repository.folder)
    deadline = time.monotonic() + 60
    lines: list[Any] = []
    while not lines and time.monotonic() < deadline:  # what was written a moment ago is being collected
        shown = server.cli("logs", "--project", project, "--grep", "listens", "--json").stdout
        lines = [json.loads(line) for line in shown.splitlines()]
    assert [line["line"] for line in lines] == ["version 1 listens"]
    assert lines[0]["service"] == "api"

    following = server.popen("logs", "--project", project, "--follow", "--grep", "listens", "--json")
    try:
        repository.commit(version="2")
        server.deploy(repository.folder)
        deadline = time.monotonic() + 60
        seen = ""
        while "version 2 listens" not in seen:
            assert time.monotonic() < deadline, seen
            assert following.stdout is not None
            seen += following.stdout.readline()
    finally:
        following.kill()
        following.communicate()
