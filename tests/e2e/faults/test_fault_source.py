"""What is elsewhere cannot be reached."""

from __future__ import annotations

import subprocess
from typing import Any

from support.faults import Row, record
from support.operations import newest, told
from support.repository import Repository
from support.server import Server


def test_faults_of_the_source(server: Server, deployed: Repository, site: Any, project: str) -> None:
    where = ("--project", project, "--source")
    refused = server.cli("deploy", *where, "https://127.0.0.1:9/shop.git", check=False)
    assert refused.returncode == 1
    gone = told(newest(server, project))
    assert "could not be reached" in gone
    server.stop()
    resolver = server.state.parent / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", resolver, "/etc/resolv.conf"], check=True)
    try:
        server.start()
        refused = server.cli("deploy", *where, "https://git.example.org/shop.git", check=False)
        assert refused.returncode == 1
        dead = told(newest(server, project))
        assert "could not be reached" in dead
        deployed.commit(version="2")
        server.deploy(deployed.folder)  # what is here needs no name
        assert site.version() == "2"
    finally:
        server.stop()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)
        server.start()
    served = "the release before goes on serving"
    record(Row("git-unreachable", "the deployment fails before it changes anything", gone, served), project)
    record(
        Row(
            "dns-dead",
            "what is elsewhere fails before anything changes; what is on the server deploys as ever",
            dead,
            served,
        ),
        project,
    )
