"""Networks that cannot be joined, or not be removed: what is in the way is named at once."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import docker

from support.faults import Row, record
from support.operations import Make, newest, told, wait_for
from support.server import Server

NUMBERS = "com.docker.network.driver.overlay.vxlanid_list"


@contextmanager
def link_left_behind(engine: docker.APIClient, network: str) -> Iterator[str]:
    """A link of the network on the host, as an engine leaves it that ends at a bad moment."""
    found = engine.inspect_network(network)
    number = found["Options"][NUMBERS]
    link = f"vx-{int(number):06x}-{found['Id'][:5]}"
    made = ["ip", "link", "add", link, "type", "vxlan", "id", number, "dstport", "4789"]
    subprocess.run(made, check=True)
    try:
        yield link
    finally:
        subprocess.run(["ip", "link", "delete", link], check=False, capture_output=True)


def test_fault_networks(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    owner = f"{project}-production"
    labels = {"havre.managed": "true", "havre.project": project, "havre.environment": "production"}
    repository = make(drain="1s")
    engine.create_network(owner, driver="overlay", labels=labels)
    with link_left_behind(engine, owner) as link:
        refused = server.deploy(repository.folder, check=False)
        assert refused.returncode == 1
        stuck = told(newest(server, project))
        assert f"it cannot join the network {owner}" in stuck
        assert f"ip link delete {link}" in stuck
        rows = json.loads(server.cli("doctor", "--json", check=False).stdout)
        (seen,) = [row for row in rows if row["check"] == "Overlay networks"]
        assert seen["level"] == "warning"
        assert f"ip link delete {link}" in seen["remedy"]
    server.deploy(repository.folder)
    assert site.version() == "1"

    live = engine.inspect_service(f"{owner}-api-r2")["Spec"]["TaskTemplate"]
    container = {"Image": live["ContainerSpec"]["Image"], "Env": ["PORT=3000"]}
    template = docker.types.TaskTemplate(container, networks=[{"Target": owner}])
    endpoint = docker.types.EndpointSpec(mode="dnsrr")
    stranger = engine.create_service(template, name=f"{project}-watch", endpoint_spec=endpoint)["ID"]
    try:
        destroy = ("destroy", "--project", project, "--volumes", "--yes-destroy", owner)
        refused = server.cli(*destroy, check=False)
        assert refused.returncode == 1
        operation = newest(server, project)
        held = told(operation)
        assert f"the network {owner} cannot be removed: the service {project}-watch is in it" in held
        assert f"docker service update --network-rm {owner} {project}-watch" in held
        (step,) = [step for step in operation["steps"] if step["name"] == "network"]
        took = datetime.fromisoformat(step["finished_at"]) - datetime.fromisoformat(step["started_at"])
        assert took.total_seconds() < 45, "it was waited for what does not end by itself"
        began = time.monotonic()
        cleaned = json.loads(server.cli("doctor", "--clean", "--yes", "--json", check=False).stdout)
        assert f"{project}-watch" in json.dumps(cleaned["left"])
        assert time.monotonic() - began < 45, "it is waited for what does not end by itself"
    finally:
        engine.remove_service(stranger)
    server.cli(*destroy)
    wait_for(lambda: owner not in [net["Name"] for net in engine.networks()])
    record(
        Row(
            "link-left-behind",
            "the deployment is undone; it succeeds when the link is deleted",
            stuck,
            "none yet: it is a first deployment; what runs in the network is not concerned",
        ),
        project,
    )
    record(
        Row(
            "network-held",
            "destroying stops there at once, and goes on when it is asked for again",
            held,
            "none concerned: the environment is being destroyed",
        ),
        project,
    )
