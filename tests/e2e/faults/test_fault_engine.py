"""The engine, or the router that runs in it, goes away in the middle of a deployment."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import docker

from support.audit import orphans
from support.faults import ROOT, Row, record
from support.operations import begin, failed_for, loaded, log_of, outcome
from support.repository import Repository
from support.server import Server


def test_fault_engine_restarted(server: Server, deployed: Repository, site: Any, project: str) -> None:
    deployed.commit(version="2", bootMs=1500)
    number = begin(server, deployed, "gate")
    prefix = os.environ["HAVRE_TEST_DOCKER_HOST"].split("/engine-")[1].split("/")[0]
    restart = [ROOT / "bin" / "engine", "restart", "--prefix", prefix]
    with loaded(site) as report:
        subprocess.run(restart, check=True, stdout=subprocess.PIPE)
        done = outcome(server, number)
    assert done["state"] == "succeeded", done
    assert site.version() == "2"
    log = log_of(server, number)
    line = "this goes on when that is over"
    assert line in log, log[-3000:]
    assert orphans(server, f"{project}-production") == []
    record(
        Row(
            "engine-restarted",
            "the deployment waits, goes on when the engine is back, and succeeds",
            f"in its log: “…: the Docker engine does not answer; {line}”",
            f"{failed_for(report, at_most=120)}: the engine stops all containers, Swarm starts them again",
        ),
        project,
    )


def test_fault_traefik_killed(
    server: Server, deployed: Repository, site: Any, project: str, engine: docker.APIClient
) -> None:
    deployed.commit(version="2", bootMs=3000)
    number = begin(server, deployed, "gate")
    (router,) = engine.containers(filters={"label": "havre.role=router"})
    with loaded(site) as report:
        engine.kill(router["Id"])
        done = outcome(server, number)
    assert done["state"] == "succeeded", done
    assert site.version() == "2"
    record(
        Row(
            "traefik-killed",
            "Swarm starts it again, the deployment waits for it and succeeds",
            "nothing: it heals by itself",
            f"{failed_for(report, at_most=60)}, until Traefik listens again",
        ),
        project,
    )
