"""The files of a volume come back, and what they were is kept until somebody confirms."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import docker

from e2e.conftest import Site, containers
from support.repository import Repository
from support.server import Server


def test_files_come_back_and_what_was_replaced_is_kept(
    make: Callable[..., Repository], server: Server, engine: docker.APIClient, project: str, site: Site
) -> None:
    server.deploy(make(strategy="recreate", volumes=["data:/data"]).folder)
    where = ["--project", project]

    def inside(command: str) -> str:
        (container,) = containers(engine, project)
        made = engine.exec_create(container["Id"], ["sh", "-c", command], user="root")
        return str(engine.exec_start(made["Id"]).decode().strip())

    def restore(*args: str) -> None:
        server.cli("restore", "--volume", "data", *args, *where, "--yes-restore", f"{project}-production")

    refused = server.cli(
        "restore", "--volume", "data", "--to", "2000-01-01", "--dry-run", *where, check=False
    )
    assert (refused.returncode, "there is no copy" in refused.stdout + refused.stderr) == (64, True)
    inside("echo first > /data/a; mkdir /data/b; echo kept > /data/b/c; chown -R 1234 /data/b")
    server.cli("backup", "now", *where)
    inside("echo second > /data/a; rm -r /data/b; echo new > /data/d")
    plan = json.loads(server.cli("restore", "--volume", "data", "--dry-run", "--json", *where).stdout)
    assert plan["repository"] == "local"
    assert list(plan["users"].values()) == [1]

    restore()
    assert inside("cat /data/a /data/b/c; stat -c %u /data/b; ls /data") == "first\nkept\n1234\na\nb"
    assert site.version() == "1"
    restore("--to", datetime.now(UTC).isoformat())
    assert inside("cat /data/a /data/d; ls /data") == "second\nnew\na\nd", "what was replaced was kept"
    server.cli("restore", "--confirm", *where, "--yes-restore", f"{project}-production")
    later = server.cli(
        "restore", "--volume", "data", "--dry-run", "--json", "--to", datetime.now(UTC).isoformat(), *where
    )
    assert json.loads(later.stdout)["snapshot"] == plan["snapshot"], "nothing is kept any more"
    wrong = server.cli("restore", "--volume", "nothing", "--dry-run", *where, check=False)
    assert (wrong.returncode, "saves no volume nothing" in wrong.stdout + wrong.stderr) == (64, True)
