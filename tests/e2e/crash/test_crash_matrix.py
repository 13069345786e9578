"""kill -9 of the worker, of web, and of both, at every step of every kind of operation.

The steps are those that the operations have when they run, so a new one is covered by itself. A new
kind of operation needs a scenario (``scenarios.py``).
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import httpx
import pytest

from e2e.crash import scenarios
from havre.operations.catalogue import RUNBOOKS
from support.audit import lasting_orphans
from support.crash import PATIENCE, Moment
from support.crash_lab import FINAL, ROOMY, Lab, Scenario, Site, load, none_failed
from support.deaths import UNDO, Deaths
from support.load import Load
from support.server import Server

pytestmark = pytest.mark.timeout(1800)  # a busy machine; on a quiet one each takes one to two minutes

_WORDS = os.environ.get("HAVRE_TEST_SCENARIO", "")
SCENARIOS = [s for s in scenarios.SCENARIOS if (_WORDS in s.name if _WORDS else not s.is_long)]
"""All but the long ones, or while you work on one, those with these words in their name."""
SITES = {
    "crash": 8,
    "crashready": 6,
    "crashhand": 1,
    "crashvol": 1,
    "crashcanary": 2,
    "crashrolling": 3,
    "crashdata": 5,
    "crashupgrade": 1,
}
"""Sites of each project on which operations are undone at once: all need about equally many rounds."""


def test_every_kind_of_operation_has_a_scenario() -> None:
    for kind in RUNBOOKS:
        assert any(scenario.kind == kind for scenario in scenarios.SCENARIOS), (
            f"new operation kind {kind}: add a scenario in tests/e2e/crash/scenarios.py"
        )


def prepared(lab: Lab, cases: dict[Site, Scenario]) -> None:
    """Bring each site to where its operation can begin."""
    lab.run_all({site: scenario.prepare(site) for site, scenario in cases.items()})
    for site, scenario in cases.items():
        scenario.meddle(site)
        site.facts["before"] = site.look()


def loaded(cases: dict[Site, Scenario], rate: float = 2) -> Load:
    """Requests to every site whose operation may fail none."""
    return load((site for site, scenario in cases.items() if not scenario.interrupts), rate=rate)


def test_killed_at_every_step_it_is_continued(lab: Lab, server: Server) -> None:
    """At the end of each step web is killed, and once it is back, both."""
    processes = lab.processes
    processes.start(pause_at=str(processes.pauses), **ROOMY)
    cases = lab.sites(SCENARIOS)
    prepared(lab, cases)
    requests = loaded(cases)
    numbers = {lab.enqueue(scenario.request(site)): site for site, scenario in cases.items()}
    deaths = Deaths(lab.steps, of_undone=False)
    finished: dict[int, dict[str, Any]] = {}
    while pending := numbers.keys() - finished.keys():
        moments, over = lab.wait_until_held(
            pending, lambda moment: deaths.claim(cases[numbers[moment.operation]], moment)
        )
        finished |= over
        if moments:
            die(lab, moments)
    none_failed(requests)
    for number, site in numbers.items():
        operation, scenario = finished[number], cases[site]
        assert operation["state"] == "succeeded", f"{scenario.name}: {operation['error']}"
        assert operation["attempt"] > deaths.by[number], f"{scenario.name}: {operation['error']}"
        scenario.succeeded(site)
    for scenario in SCENARIOS:
        assert deaths.missing(scenario) == set(), scenario.name
    assert lasting_orphans(server) == []


def test_killed_at_every_step_it_is_undone(lab: Lab, server: Server) -> None:
    """With one attempt allowed, a death at any step leads back to what was before.

    In each round the operations of a scenario die at the next of its moments, and one of them while it
    is undone; the rounds end when there was one at each.
    """
    lab.processes.start(pause_at=str(lab.processes.pauses), operation_attempts="1", operation_threads="24")
    deaths = Deaths(lab.steps, of_undone=True)
    left, cases = list(SCENARIOS), dict[Site, Scenario]()
    sites = [lab.site(project, f"s{n + 1}") for project, number in SITES.items() for n in range(number)]
    while left:
        cases = assigned(deaths, left, sites, before=cases)
        prepared(lab, cases)
        requests = loaded(cases, rate=1)
        numbers = {lab.enqueue(scenario.request(site)): site for site, scenario in cases.items()}
        outcome = killed_in_turn(lab, numbers, cases, deaths)
        none_failed(requests)
        for number, site in numbers.items():
            judge_undone(outcome[number], site, cases[site])
        ended = {cases[site].name for number, site in numbers.items() if not deaths.by[number]}
        left = [
            s for s in left if s.name not in ended and (deaths.has_parts(s) or deaths.missing(s) != set())
        ]
        # What is half destroyed is destroyed further in the next round.
        halves = {site.owner for site, scenario in cases.items() if scenario.kind == "destroy"}
        assert lasting_orphans(server, but=halves) == []
        if not any(scenario.kind == "destroy" for scenario in left):
            half = [site for site in cases if site.owner in halves and site.exists()]
            lab.run(site.request("destroy", volumes=True) for site in half)
            for site in half:
                cases[site].succeeded(site)
    for scenario in SCENARIOS:
        assert deaths.missing(scenario) == set(), scenario.name
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
    assert operation["state"] == "failed", f"{scenario.name}: {operation['error']}"
    told = operation["error"]["message"]
    assert "the worker ended once" in told, f"{scenario.name}: {operation['error']}"
    assert "undoing failed" not in told, f"{scenario.name}: {operation['error']}"
    scenario.undone(site)


def assigned(
    deaths: Deaths, left: list[Scenario], sites: list[Site], *, before: dict[Site, Scenario]
) -> dict[Site, Scenario]:
    """A scenario for each site: first each gets its lanes, then those with the most moments to try.

    A site keeps the scenario that it had ``before`` while that has not its lanes; what is half destroyed has
    to, and no more is.
    """
    wanted = {scenario: operations_wanted(deaths, scenario) for scenario in left}
    cases: dict[Site, Scenario] = {}

    def lanes_left(scenario: Scenario) -> bool:
        return sum(other == scenario for other in cases.values()) < scenario.lanes

    for site, scenario in before.items():
        if scenario in left and lanes_left(scenario):
            cases |= {site: scenario}  # which the next question counts
    for site in sites:
        own = [
            scenario
            for scenario in left
            if scenario.project == site.project
            and (lanes_left(scenario) or scenario.kind != "destroy")
            and wanted[scenario] > sum(other == scenario for other in cases.values())
        ]
        if site not in cases and own:
            cases[site] = max(own, key=lambda scenario: (lanes_left(scenario), wanted[scenario]))
    return cases


def operations_wanted(deaths: Deaths, scenario: Scenario) -> int:
    """How many operations there should be; those that die at a step die while they are undone too."""
    missing = deaths.missing(scenario) or set()
    forward = len([moment for moment in missing if moment[0] != UNDO])
    if not deaths.of[scenario.name]:
        return max(forward, 2)  # nobody knows its parts yet, nor maybe its steps
    return max(forward, 3 if deaths.has_parts(scenario) else 1)


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
    none_failed(requests)
    for number, site in numbers.items():
        operation, scenario = processes.operation(number), cases[site]
        assert operation["state"] == "succeeded", f"{scenario.name}: {operation['error']}"
        scenario.succeeded(site)
    assert lasting_orphans(server) == []


def test_what_is_asked_of_a_canary_outlives_web_and_worker(lab: Lab, server: Server) -> None:
    """Promoted twice at a weight it goes on once; given up, it is; over, it refuses."""
    processes = lab.processes
    processes.start(pause_at=str(processes.pauses), **ROOMY)
    site = lab.site("crashmanual", "s1")
    lab.run([site.deploy("1")])
    before = site.look()
    requests = load([site], rate=30)

    number = lab.enqueue(site.deploy("2"))
    held = wait_at(lab, number, "stage-0-waits")
    # The worker stands still, so both are accepted before it can see the first.
    assert [ask_canary(server, site, "promote") for _ in range(2)] == [(202, number), (202, number)]
    die(lab, held)
    held = wait_at(lab, number, "stage-1-waits")
    assert weight(lab, site) == {"release": 2, "weights": {"api": 50}}
    assert ask_canary(server, site, "abort") == (202, number)
    assert ask_canary(server, site, "promote")[0] == 409
    die(lab, held)
    ended = wait_until_over(lab, number)
    assert (ended["state"], ended["error"]["message"]) == ("cancelled", "the canary was given up, as asked")
    assert [step["state"] for step in ended["steps"] if step["name"] == "switch"] == ["pending"]
    assert (site.look(), weight(lab, site)) == (before, None)
    assert ask_canary(server, site, "abort") == (
        409,
        f"no canary runs in {site.owner}; the last one is over: operation {number} was cancelled",
    )

    number = lab.enqueue(site.deploy("2"))
    held = wait_at(lab, number, "stage-0-waits")
    assert ask_canary(server, site, "promote", fully=True) == (202, number)
    die(lab, held)
    held = wait_at(lab, number, "end", step="shift")
    assert ask_canary(server, site, "abort") == (
        409,
        f"the canary of {site.owner} is over: its release takes all requests",
    )
    die(lab, held)
    assert wait_until_over(lab, number)["state"] == "succeeded"
    assert (site.look()["version"], weight(lab, site)) == ("2", None)
    none_failed(requests)
    assert lasting_orphans(server, site.owner) == []


def wait_at(lab: Lab, number: int, edge: str, *, step: str = "shift") -> list[Moment]:
    """Where the operation waits, at just this moment."""
    moments, _ = lab.wait_until_held([number], lambda moment: (moment.step, moment.edge) == (step, edge))
    assert moments, lab.processes.operation(number)
    return moments


def ask_canary(server: Server, site: Site, what: str, **body: Any) -> tuple[int, Any]:
    """Ask something of the canary; the status, and the operation or what is wrong."""
    transport = httpx.HTTPTransport(uds=str(server.socket))
    with httpx.Client(transport=transport, base_url="http://localhost", timeout=30) as client:
        path = f"/api/v1/environments/{site.project}/{site.name}/canary/{what}"
        answer = client.post(path, json=body if what == "promote" else None)
    return answer.status_code, answer.json()["id" if answer.is_success else "detail"]


def die(lab: Lab, held: list[Moment]) -> None:
    """Web dies right after its answer, and then both, before anything else can happen."""
    processes = lab.processes
    processes.kill("web")
    processes.begin("web")
    assert processes.operation(held[0].operation)["state"] == "running"
    processes.kill("worker", "web")
    processes.let_pass(held)
    processes.begin("worker")
    processes.begin("web")


def weight(lab: Lab, site: Site) -> Any:
    """The second release and its share."""
    rows = lab.processes.ask("GET", "environments")
    return next(r["beside"] for r in rows if (r["project"], r["environment"]) == (site.project, site.name))


def wait_until_over(lab: Lab, number: int) -> dict[str, Any]:
    """The operation at its end, wherever it waits before."""
    deadline = time.monotonic() + PATIENCE
    while (found := lab.processes.operation(number))["state"] == "running":
        assert time.monotonic() < deadline, found
        lab.processes.let_pass(lab.processes.held())
        time.sleep(0.1)
    return found
