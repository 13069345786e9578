"""One scenario or more for each kind of operation. A new kind needs one here; its steps need nothing.

See :class:`support.crash_lab.Scenario`.
"""

from __future__ import annotations

from typing import Any

from e2e.crash import continuity_scenarios
from e2e.crash.states import as_before, changed, deployed, nothing
from support.crash_lab import Request, Scenario, Site


def deployed_twice(site: Site) -> list[Request]:
    """The release before the live one is of the other version."""
    if site.look()["release"] is None:
        return [site.deploy("1"), site.deploy("2")]
    version = site.version()
    return (
        []
        if site.previous_version() not in {"", version}
        else [site.deploy(site.other_version()), site.deploy(version)]
    )


def is_gone(site: Site) -> None:
    """Nothing serves and nothing runs."""
    assert site.look() == {"version": "404", "release": None, "tasks": {}}


def other_version_serves(site: Site) -> None:
    """The other one of the two versions answers."""
    changed(site, version="2" if site.facts["before"]["version"] == "1" else "1")


def first_version_serves(site: Site) -> None:
    """The first deployment came to its end."""
    changed(site, version="1", tasks={"api": 1, "cache": 1})


def other_number(site: Site) -> int:
    """Another number of tasks than there is."""
    return 1 if site.facts["before"]["tasks"]["api"] == 2 else 2


def plan(site: Site, version: str) -> Request:
    """A plan of deploying a version."""
    return site.request("plan", source=site.source, ref=site.commits[version])


def planned(site: Site) -> list[Request]:
    """Version 1 serves, whatever was there, and there is a plan to deploy the other one."""
    before = deployed(site)
    return [*before, plan(site, "2" if before else site.other_version())]


def redeploy(name: str, **more: Any) -> Scenario:
    """A deployment of the other version beside the one that serves."""
    return Scenario(
        name,
        kind="deploy",
        prepare=deployed,
        request=lambda site: site.deploy(site.other_version()),
        succeeded=other_version_serves,
        undone=as_before,
        **more,
    )


SCENARIOS = (
    redeploy("deploy", lanes=2),
    Scenario(
        "first deploy",
        kind="deploy",
        prepare=nothing,
        request=lambda site: site.deploy("1"),
        succeeded=first_version_serves,
        undone=is_gone,
        interrupts=True,
        like="deploy",
        is_variant=True,
        undo_after=frozenset({"data", "start", "switch"}),
    ),
    redeploy(
        "deploy of a service that owns a volume",
        interrupts=True,
        like="deploy",
        is_variant=True,
        undo_after=frozenset({"start", "switch", "drain"}),
        project="crashvol",
    ),
    redeploy(
        "canary",
        like="deploy",
        is_variant=True,
        undo_after=frozenset({"shift"}),
        project="crashcanary",
    ),
    redeploy(
        "rolling update",
        like="deploy",
        is_variant=True,
        undo_after=frozenset({"shift"}),
        project="crashrolling",
    ),
    Scenario(
        "rollback",
        kind="rollback",
        prepare=deployed_twice,
        request=lambda site: site.request("rollback"),
        succeeded=other_version_serves,
        undone=as_before,
        like="deploy",
        undo_after=frozenset({"start", "switch", "drain"}),
        project="crashready",
    ),
    Scenario(
        "restart",
        kind="restart",
        prepare=deployed,
        request=lambda site: site.request("restart"),
        succeeded=changed,
        undone=as_before,
        like="deploy",
        undo_after=frozenset({"start", "drain"}),
        project="crashready",
    ),
    Scenario(
        "scale",
        kind="scale",
        prepare=deployed,
        request=lambda site: site.request("scale", replicas={"api": other_number(site)}),
        succeeded=lambda site: changed(site, tasks={"api": 3 - site.facts["before"]["tasks"]["api"]}),
        undone=as_before,
        like="deploy",
        project="crashready",
    ),
    Scenario(
        "run",
        kind="run",
        prepare=deployed,
        request=lambda site: site.request("run", service="api", command=["node", "-e", "0"]),
        succeeded=as_before,
        undone=as_before,
        project="crashready",
    ),
    Scenario(
        "scheduled command",
        kind="cron",
        prepare=deployed,
        request=lambda site: site.request("cron", job="nightly"),
        succeeded=as_before,
        undone=as_before,
        like="run",
        project="crashready",
    ),
    Scenario(
        "plan",
        kind="plan",
        prepare=deployed,
        request=lambda site: plan(site, "2"),
        succeeded=as_before,
        undone=as_before,
        project="crashready",
    ),
    Scenario(
        "apply",
        kind="apply",
        prepare=planned,
        request=lambda site: site.request("apply", plan=site.facts["plan"]["plan"], source=site.source),
        succeeded=other_version_serves,
        undone=as_before,
        like="deploy",
        is_variant=True,  # a deployment after one step of its own
        undo_after=frozenset({"switch"}),
    ),
    Scenario(
        "adopt",
        kind="adopt",
        prepare=deployed,
        # A number that was never recorded, also if the last adoption was undone half-way.
        meddle=lambda site: site.scale_by_hand(site.look()["tasks"]["api"] + 1),
        request=lambda site: site.request("adopt"),
        succeeded=changed,
        # What was taken into the records stays there: it says what runs.
        undone=changed,
        project="crashhand",
    ),
    *continuity_scenarios.SCENARIOS,
    Scenario(
        "destroy",
        kind="destroy",
        prepare=deployed,
        request=lambda site: site.request("destroy", volumes=True),
        succeeded=is_gone,
        # There is no way back: asking again goes on from where it died, which the matrix does.
        undone=lambda _: None,
        interrupts=True,
        lanes=2,
    ),
)
