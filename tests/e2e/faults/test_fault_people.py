"""Several people, or several Havres, at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from support.audit import lasting_orphans
from support.faults import Row, record
from support.operations import PATIENCE, SERVED, Make, is_at, loaded, newest, told, wait_for
from support.repository import Repository, manifest
from support.server import Server


def test_fault_two_people_and_a_changed_manifest(
    server: Server, deployed: Repository, site: Any, project: str
) -> None:
    deployed.commit(version="2", bootMs=2000)
    with loaded(site) as report:
        first = server.popen("deploy", "--source", str(deployed.folder))
        wait_for(lambda: server.json("operations", "list", "--project", project)[0]["state"] == "running")
        number = server.json("operations", "list", "--project", project)[0]["id"]
        wait_for(lambda: is_at(server, number, "gate"))
        # Meanwhile the manifest changes, and somebody else deploys that.
        deployed.commit(version="3", manifest=manifest(project, drain="1s", replicas=2))
        second = server.popen("deploy", "--source", str(deployed.folder))
        wait_for(lambda: server.json("operations", "list", "--project", project)[0]["id"] != number)
        assert server.json("operations", "list", "--project", project)[0]["state"] == "queued"
        assert first.wait(PATIENCE) == 0, first.communicate()
        assert second.wait(PATIENCE) == 0, second.communicate()
    assert report["failed"] == 0, report
    releases = server.json("releases", "--project", project)
    assert [row["number"] for row in releases] == [3, 2, 1]
    assert site.version() == "3"
    assert server.json("ps", "--project", project)[0]["running"] == 2
    for process in (first, second):
        process.communicate()
    record(
        Row(
            "two-commands",
            "one after the other: the second is queued until the first is over; both succeed",
            "the second one's operation is queued: `havre operations list`",
            SERVED,
        ),
        project,
    )
    record(
        Row(
            "manifest-changed",
            "the deployment goes on with the commit it began with; the next one takes the change",
            "the commit that is deployed, in the first line",
            SERVED,
        ),
        project,
    )


def test_fault_same_domain(server: Server, make: Make, site: Any, project: str, tmp_path: Path) -> None:
    mine = make(drain="1s")
    thief = Repository(tmp_path / "thief", {**mine.manifest, "project": f"{project[:14]}-thief"})
    name = thief.manifest["project"]
    running = [server.popen("deploy", "--source", str(each.folder)) for each in (mine, thief)]
    texts = [process.communicate(timeout=PATIENCE)[0] for process in running]
    assert sorted(process.returncode for process in running) == [0, 1], texts
    loser = next(text for process, text in zip(running, texts, strict=True) if process.returncode)
    assert "is served by" in loser, loser
    refused = told(newest(server, name if running[1].returncode else project))
    assert site.version() == "1"
    for row in server.json("environments"):
        if row["project"] == name:
            owner = f"{name}-production"
            assert lasting_orphans(server, owner) == []
            server.cli("destroy", "--project", name, "--volumes", "--yes-destroy", owner)
    record(
        Row(
            "same-domain",
            "the one that is ready first gets it, the other one is undone",
            refused,
            "none yet: both are first deployments",
        ),
        project,
    )


def test_fault_second_serve(server: Server, project: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "havre", "serve"],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "havre serve runs already" in done.stderr
    assert server.get("/healthz").status_code == httpx.codes.OK
    words = done.stderr[done.stderr.index("havre serve runs already") :]
    words = re.sub(r"pid \d+", "pid 812", words)
    record(
        Row("second-serve", "the second one ends, the first is not harmed", words, "none concerned"), project
    )
