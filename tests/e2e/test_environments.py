"""Environments of one project: overrides, domains, secrets and data of their own; protected ones ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.repository import Repository, manifest
from support.server import Server

Make = Callable[..., Repository]


def test_staging_beside_a_protected_production(
    server: Server, make: Make, site: Any, project: str, engine: Any
) -> None:
    repository = make()
    wanted = manifest(project, env={"GREETING": "hello", "TOKEN": {"secret": "token"}}, drain="0s")
    wanted["services"]["cache"] = {"kind": "redis", "persistent": True}
    there = type(site)(f"staging.{project}.localhost")
    override = {"api": {"domain": there.host, "replicas": 2, "env": {"GREETING": "try me"}}}
    wanted["environments"] = {"production": {"branch": "main"}, "staging": {"services": override}}
    repository.commit(manifest=wanted, version="1")
    where = ("--project", project)

    # Settings are copied sealed; the password of the cache is each environment's own.
    server.cli("secrets", "set", "token", *where, stdin="hush")
    server.cli("env", "set", "LEVEL=debug", *where)
    server.cli("env", "copy", "production", "staging", "--secrets", *where)
    refused = server.cli("env", "copy", "staging", "production", *where, check=False)
    assert refused.returncode == 0  # nothing would change
    server.deploy(repository.folder)
    server.deploy(repository.folder, "--env", "staging")
    for place, greeting in ((site, "hello"), (there, "try me")):
        assert place.get("/environment?name=GREETING").json() == {"value": greeting}
        assert place.get("/environment?name=TOKEN").json() == {"value": "hush"}
        assert place.get("/environment?name=LEVEL").json() == {"value": "debug"}
    rows = {row["environment"]: row for row in server.json("environments") if row["project"] == project}
    assert {name: row["protected"] for name, row in rows.items()} == {"production": True, "staging": False}
    assert len([r for r in server.json("ps", *where, "--env", "staging") if r["running"] == 2]) == 1
    volumes = {v["Name"] for v in engine.volumes()["Volumes"]}
    assert {f"{project}-production-cache", f"{project}-staging-cache"} <= volumes

    # A harmless deployment to production asks nothing; one that interrupts wants its name.
    wanted["services"]["api"]["env"]["GREETING"] = "good day"
    repository.commit(manifest=wanted, version="1")
    server.deploy(repository.folder)
    wanted["services"]["api"] |= {"strategy": "recreate", "command": "node server.js"}
    repository.commit(manifest=wanted, version="1")
    refused = server.deploy(repository.folder, check=False)
    assert refused.returncode == 1
    told = refused.stdout + refused.stderr
    assert f"--yes-interrupt {project}-production" in told.replace("\n", " ")
    assert server.json("releases", *where)[0]["number"] == 2
    operation = server.json("operations", "list", *where)[0]
    assert operation["result"]["confirm"] == f"{project}-production"
    server.deploy(repository.folder, "--yes-interrupt", f"{project}-production")
    assert server.json("releases", *where)[0]["number"] == 3
    planned = server.cli(
        "plan", "--source", str(repository.folder), "--env", "staging", "--json", check=False
    )
    made = json.loads(planned.stdout)
    assert (planned.returncode, made["protected"]) == (2, False)
    assert [c["name"] for c in made["changes"] if c["interrupts"]] == ["api"]
    server.cli("destroy", *where, "--env", "staging", "--volumes", "--yes-destroy", f"{project}-staging")
