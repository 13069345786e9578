"""A new version that cannot be built, or does not live: the one before goes on serving."""

from __future__ import annotations

from typing import Any

from support.audit import orphans
from support.faults import Row, record
from support.load import Shape, under_load
from support.operations import Make, failed_for, failing, loaded
from support.server import Server


def test_faults_of_a_new_version_leave_the_old_one(
    server: Server, make: Make, site: Any, project: str
) -> None:
    """One after the other, under one load; not one request may fail."""
    repository = make(
        drain="2s",
        health={"path": "/health", "start_period": "10s", "retries": 1},
        resources={"limits": {"memory": "96M"}},
    )
    server.deploy(repository.folder)
    served = "not one request failed: the release before goes on serving"
    undone = "the deployment is undone"
    rows = []
    with under_load(Shape("http://127.0.0.1/", site.host, rate=20)) as report:
        text = (repository.folder / "Dockerfile").read_text()
        elsewhere = text.replace("FROM ${NODE_RUNTIME_IMAGE}", "FROM 127.0.0.1:9/shop/base:1")
        repository.write("Dockerfile", elsewhere)
        rows.append(Row("registry-unreachable", undone, failing(server, repository, "127.0.0.1:9"), served))

        repository.write("Dockerfile", text)
        repository.commit(version="2", eatMemory=True)
        rows.append(Row("out-of-memory", undone, failing(server, repository, "ran out of memory"), served))
    assert report["failed"] == 0, report
    with loaded(site) as report:  # it answers well for a moment, so it is switched to, and dies
        repository.commit(version="2", exitAfterMs=1500)
        words = failing(server, repository, "exited with code 9")
    some = f"{failed_for(report, at_most=20)}: those it had taken or was sent as it died"
    rows.append(Row("task-flaps", undone, words, some))
    assert site.version() == "1"
    assert orphans(server, f"{project}-production") == []
    for row in rows:
        record(row, project)
