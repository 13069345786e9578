"""``havre doctor`` finds what nothing needs any more, and takes it away without touching what serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import docker

from support.audit import orphans
from support.repository import Repository
from support.server import Server


def test_orphans_are_shown_and_cleaned(
    server: Server, make: Callable[..., Repository], site: Any, project: str, engine: docker.APIClient
) -> None:
    repository = make(drain="1s", volumes=["data:/data"], strategy="recreate")
    server.deploy(repository.folder)
    owner = f"{project}-production"
    assert orphans(server, owner) == []

    # By hand, as a Havre of long ago might have left it: of an environment that is gone, and of this one.
    live = engine.inspect_service(f"{owner}-api-r1")
    labels = {**live["Spec"]["Labels"], "havre.environment": "gone"}
    task = live["Spec"]["TaskTemplate"]
    network = engine.create_network(f"{project}-gone", driver="overlay", labels=labels)["Id"]
    container = {"Image": task["ContainerSpec"]["Image"], "Labels": labels, "Env": ["PORT=3000"]}
    template = docker.types.TaskTemplate(container, networks=[{"Target": network}])
    endpoint = docker.types.EndpointSpec(mode="dnsrr")
    engine.create_service(template, name=f"{project}-gone-api-r1", labels=labels, endpoint_spec=endpoint)
    stray = {**live["Spec"]["Labels"], "havre.release": "9"}
    engine.create_service(
        template, name=f"{owner}-api-r9", labels=stray, mode=docker.types.ServiceMode("replicated", 1)
    )
    engine.create_secret(f"{owner}-db-password-v9", b"x", labels=stray)
    engine.create_volume(f"{project}-gone-data", labels=labels)
    (server.state / "traefik" / "dynamic" / f"{project}-gone.yml").write_text("{}\n")
    (server.state / "sources" / "999999").mkdir()

    mine = [o for o in orphans(server) if project in o["name"] or o["name"].endswith("999999")]
    assert [(o["kind"], o["name"].rsplit("/")[-1], o["cleaning"]) for o in mine] == [
        ("route", f"{project}-gone", "remove"),
        ("service", f"{project}-gone-api-r1", "remove"),
        ("service", f"{owner}-api-r9", "remove"),
        ("secret", f"{owner}-db-password-v9", "remove"),
        ("network", f"{project}-gone", "remove"),
        ("volume", f"{project}-gone-data", "by hand"),
        ("folder", "999999", "remove"),
    ]
    shown = server.cli("doctor", "--clean", stdin="n\n", check=False)
    assert shown.returncode == 1
    assert f"{project}-gone-api-r1" in shown.stdout
    assert len(orphans(server)) == len(mine)

    cleaned = json.loads(server.cli("doctor", "--clean", "--yes", "--json").stdout)
    assert {o["name"] for o in mine} == {
        o["name"]
        for o in (*cleaned["removed"], *cleaned["left"])
        if project in o["name"] or "999999" in o["name"]
    }
    assert [o["name"] for o in cleaned["left"]] == [f"{project}-gone-data"]
    assert [o["name"] for o in orphans(server)] == [f"{project}-gone-data"]
    assert site.version() == "1"
    wait_for_no(engine, f"{project}-gone-api-r1")
    engine.remove_volume(f"{project}-gone-data")
    assert orphans(server) == []


def wait_for_no(engine: docker.APIClient, service: str) -> None:
    """Wait until the engine has let go of the last container of a service."""
    label = [f"com.docker.swarm.service.name={service}"]
    deadline = time.monotonic() + 60
    while engine.containers(filters={"label": label}):
        assert time.monotonic() < deadline
        time.sleep(0.2)
