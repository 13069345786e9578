"""kill -9 of the worker, of web, and of both, at every step of every kind of operation.

The steps are those that the operations have when they run, so a new one is covered by itself. A new
kind of operation needs a scenario (``scenarios.py``).
"""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from e2e.crash import scenarios
from havre.operations.catalogue import RUNBOOKS
from support.audit import lasting_orphans
from support.crash import FINAL, ROOMY, Lab, Moment, Scenario, Site, load
from support.load import Load
from support.server import Server

pytestmark = pytest.mark.timeout(1800)  # a busy machine; on a quiet one each takes one to two minutes

SCENARIOS = [s for s in scenarios.SCENARIOS if os.environ.get("HAVRE_TEST_SCENARIO", "") in s.name]
"""All, or while you work on one, those with these words in their name."""


def test_every_kind_of_operation_has_a_scenario() -> None:
    for kind in RUNBOOKS:
        assert any(scenario.kind == kind for scenario in scenarios.SCENARIOS), (
            f"new operation kind {kind}: add a scenario in tests/e2e/crash/scenarios.py"
        )


@pytest.fixture(scope="module")
def of_module(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The shared server, its processes in the test's hand."""
    server.stop()
    made = Lab(server, tmp_path_factory.mktemp("crash"))
    try:
        yield made
    finally:
        made.processes.start(**ROOMY)
        made.destroy_everything()
        made.processes.stop()
        server.start()


@pytest.fixture
def lab(of_module: Lab) -> Iterator[Lab]:
    """The same; whatever a test started is stopped."""
    yield of_module
    of_module.processes.stop()


def prepared(lab: Lab, cases: dict[Site, Scenario]) -> None:
    """Bring each site to where its operation can begin."""
    lab.run_all({site: scenario.prepare(site) for site, scenario in cases.items()})
    for site, scenario in cases.items():
        scenario.meddle(site)
        site.facts["before"] = site.look()


def loaded(cases: dict[Site, Scenario], rate: float = 6) -> Load:
    """Requests to every site whose operation may fail none."""
    return load((site for site, scenario in cases.items() if not scenario.interrupts), rate=rate)


def none_failed(requests: Load, *, but: int = 0) -> None:
    """End the requests; not one failed, or at most so many."""
    report = requests.finish()
    assert report["failed"] <= but, report
    assert report["ok"] + report["failed"] == report["sent"], report


def test_killed_at_every_step_it_is_continued(lab: Lab, server: Server) -> None:
    """At the end of each step web is killed, and once it is back, both."""
    processes = lab.processes
    processes.start(pause_at=str(processes.pauses), **ROOMY)
    cases = lab.sites(SCENARIOS)
    prepared(lab, cases)
    requests = loaded(cases)
    numbers = {lab.enqueue(scenario.request(site)): site for site, scenario in cases.items()}
    seen: dict[int, set[tuple[str, str]]] = defaultdict(set)
    finished: dict[int, dict[str, Any]] = {}
    while pending := numbers.keys() - finished.keys():
        # The end of a step and the beginning of the next one leave the same behind.
        moments, over = lab.wait_until_held(
            pending, lambda moment: moment.edge == "end" or not seen[moment.operation]
        )
        finished |= over
        for moment in moments:
            seen[moment.operation].add((moment.step, moment.edge))
        if moments:
            processes.kill("web")
            processes.begin("web")
            assert processes.operation(moments[0].operation)["state"] == "running"
            processes.kill("worker", "web")
            processes.let_pass(moments)
            processes.begin("worker")
            processes.begin("web")
    none_failed(requests)
    for number, site in numbers.items():
        operation, scenario = finished[number], cases[site]
        assert operation["state"] == "succeeded", (scenario.name, operation)
        steps = [step["name"] for step in operation["steps"]]
        assert seen[number] == {(steps[0], "begin"), *((step, "end") for step in steps)}, scenario.name
        assert operation["attempt"] > len(steps), scenario.name
        scenario.succeeded(site)
    assert lasting_orphans(server) == []


class Deaths:
    """Who dies where: no two operations of a scenario at the same moment."""

    def __init__(self) -> None:
        self.of: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.doomed: set[int] = set()

    def claim(self, scenario: Scenario, moment: Moment) -> bool:
        """Whether an operation is to die here."""
        mine = self.of[scenario.name]
        here = (moment.step, moment.edge)
        is_undo = moment.step == "undo"
        if here in mine or (moment.edge == "begin" and mine and not is_undo):
            return False
        if scenario.undo_after and not is_undo and here[0] not in scenario.undo_after:
            return False
        mine.add(here)
        self.doomed.add(moment.operation)
        return True


def test_killed_at_every_step_it_is_undone(lab: Lab, server: Server) -> None:
    """With one attempt allowed, a death at any step leads back to what was before.

    The first operation of a scenario dies at its first step, the next one at the next step, and so on
    through undoing, until one comes to its end.
    """
    lab.processes.start(pause_at=str(lab.processes.pauses), operation_attempts="1", operation_threads="16")
    deaths = Deaths()
    left = list(SCENARIOS)
    sites = [lab.site("crash", f"s{number}") for number in range(1, 13)]
    sites += [lab.site("crashvol", f"s{number}") for number in (3, 4, 5)]
    sites += [lab.site("crashhand", f"s{number}") for number in (1, 2)]
    while left:
        cases = assigned(left, sites)
        prepared(lab, cases)
        requests = loaded(cases, rate=2.5)
        numbers = {lab.enqueue(scenario.request(site)): site for site, scenario in cases.items()}
        outcome = killed_in_turn(lab, numbers, cases, deaths)
        none_failed(requests)
        for number, site in numbers.items():
            judge_undone(outcome[number], site, cases[site])
            if outcome[number]["state"] == "succeeded" and number not in deaths.doomed:
                left = [scenario for scenario in left if scenario != cases[site]]
        destroyed = [site for site, scenario in cases.items() if scenario.kind == "destroy"]
        halves = {site.owner for site in destroyed}
        assert [
            orphan for orphan in lasting_orphans(server, patience=5) if orphan["environment"] not in halves
        ] == []
        lab.run(site.request("destroy", volumes=True) for site in destroyed if site.exists())
        for site in destroyed:
            cases[site].succeeded(site)
    for scenario in SCENARIOS:
        assert deaths.of[scenario.name] >= {("undo", "begin"), ("undo", "end")}, scenario.name
    assert lasting_orphans(server) == []


def killed_in_turn(
    lab: Lab, numbers: dict[int, Site], cases: dict[Site, Scenario], deaths: Deaths
) -> dict[int, dict[str, Any]]:
    """Kill the worker whenever every operation waits or is over, until all are over."""
    finished: dict[int, dict[str, Any]] = {}
    while pending := numbers.keys() - finished.keys():
        moments, over = lab.wait_until_held(
            pending, lambda moment: deaths.claim(cases[numbers[moment.operation]], moment)
        )
        finished |= over
        if moments:
            lab.processes.kill("worker")
            lab.processes.let_pass(moments)
            lab.processes.begin("worker")
    return finished


def judge_undone(operation: dict[str, Any], site: Site, scenario: Scenario) -> None:
    """It came to its end, or everything is as before and the user is told why."""
    if operation["state"] == "succeeded":
        scenario.succeeded(site)
        return
    assert operation["state"] == "failed", (scenario.name, operation)
    told = operation["error"]["message"]
    assert "the worker ended once" in told, (scenario.name, operation)
    assert "undoing failed" not in told, (scenario.name, operation)
    scenario.undone(site)


def assigned(left: Iterable[Scenario], sites: Iterable[Site]) -> dict[Site, Scenario]:
    """A scenario for each site, each scenario about equally often."""
    cases: dict[Site, Scenario] = {}
    for site in sites:
        own = [scenario for scenario in left if scenario.project == site.project]
        if own:
            cases[site] = min(own, key=lambda scenario: list(cases.values()).count(scenario))
    return cases


def test_killed_at_random_moments_it_is_continued(lab: Lab, server: Server) -> None:
    """In the middle of steps, the same for each run of the test."""
    processes = lab.processes
    processes.start(**ROOMY)
    chance = random.Random(3)
    cases = lab.sites(SCENARIOS)
    prepared(lab, cases)
    requests = loaded(cases)
    numbers = {lab.enqueue(scenario.request(site)): site for site, scenario in cases.items()}
    for _ in range(8):
        time.sleep(chance.uniform(0.8, 2.0))
        victims = chance.choice([("worker",), ("web",), ("worker", "web")])
        processes.kill(*victims)
        for role in victims:
            processes.begin(role)
    deadline = time.monotonic() + 180
    while any(processes.operation(number)["state"] not in FINAL for number in numbers):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    # With no worker for seconds, a task that ends is published until the router's own check has seen it:
    # seen once in some 1,100 requests.
    none_failed(requests, but=3)
    for number, site in numbers.items():
        operation, scenario = processes.operation(number), cases[site]
        assert operation["state"] == "succeeded", (scenario.name, operation)
        scenario.succeeded(site)
    assert lasting_orphans(server) == []
