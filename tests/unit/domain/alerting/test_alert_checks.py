from datetime import UTC, datetime, timedelta

from havre.domain.alerting import checks
from havre.domain.alerting.checks import KINDS, Look
from havre.domain.alerting.tasks import Node, away, clocks, failed_lately, restarts
from havre.domain.continuity.objectives import Objectives
from havre.domain.snapshot import Service, Snapshot, Task

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PLACE = "shop/production"


def by_kind(looks):
    return {(each.kind, each.subject): each for each in looks}


def test_limits_are_in_order():
    for name, kind in KINDS.items():
        assert (kind.enter is None) == (kind.leave is None), name
        assert kind.enter is None or kind.leave < kind.enter, name


def test_a_disk_has_two_limits_and_a_forecast():
    figures = {"disk.state.used_share": 0.9, "memory.used_share": 0.5}
    found = by_kind(checks.machine(figures, full_in={"state": 2 * 86_400.0}))
    assert found["disk", "state"].verdict(was=False) is True
    assert found["disk-full", "state"].verdict(was=False) is False
    assert found["disk-forecast", "state"].is_bad is True
    assert found["disk-forecast", "state"].facts == {"days": 2.0}
    assert found["memory", ""].verdict(was=False) is False


def test_the_clock_of_the_engine():
    verdicts = [checks.engine_clock(skew).verdict(was=False) for skew in (-3.0, 1.5, None)]
    assert verdicts == [True, False, None]


def test_what_is_not_known_is_no_verdict():
    found = by_kind(checks.machine({}, full_in={"state": None}))
    assert {each.verdict(was=True) for each in found.values()} == {None}


def test_few_requests_prove_nothing():
    few = by_kind(checks.service(PLACE, "api", {"requests": 0.05, "errors_share": 1.0, "latency.p95": 30.0}))
    assert few["errors", "api"].verdict(was=False) is False
    assert few["latency", "api"].verdict(was=False) is False
    many = by_kind(checks.service(PLACE, "api", {"requests": 5, "errors_share": 0.06, "latency.p95": 2.5}))
    assert many["errors", "api"].verdict(was=False) is True
    assert many["latency", "api"].verdict(was=False) is True


def test_an_answer_is_bad_from_500_on():
    def probed(status, error=""):
        return checks.answer(PLACE, "a.example.org", "web", status=status, error=error, seconds=0.1)

    assert [probed(status).is_bad for status in (200, 404, 500, 503)] == [False, False, True, True]
    assert probed(None, "timed out").facts["error"] == "timed out"
    assert probed(None).is_bad


def test_a_certificate_that_was_not_renewed():
    def ends(days):
        moment = None if days is None else NOW + timedelta(days=days)
        return checks.certificate(PLACE, "a.example.org", moment, NOW).is_bad

    assert [ends(each) for each in (60, 15, 13, -1, None)] == [False, False, True, True, None]


def test_objectives_that_are_missed():
    wanted = Objectives(rto=3600, rpo=60)
    found = by_kind(checks.objectives(PLACE, wanted, rto=4000, losses={"db": 30, "old": None}))
    assert found["rto", ""].is_bad
    assert not found["rpo", "db"].is_bad
    assert found["rpo", "old"].is_bad


def test_problems_of_backups_are_looks():
    found = list(checks.backups(PLACE, "db", {"archive": "WAL waits", "stale dump": "none for days"}))
    late, stale = (
        {"cause": "WAL waits", "problem": "archive"},
        {"cause": "none for days", "problem": "stale dump"},
    )
    assert found == [
        Look("archive", PLACE, "db archive", True, facts=late, service="db"),
        Look("backup", PLACE, "db stale dump", True, facts=stale, service="db"),
    ]


def service(name, role, *tasks, replicas=1):
    labels = (
        ("havre.environment", "production"),
        ("havre.project", "shop"),
        ("havre.role", role),
        ("havre.service", name),
    )
    return Service(name, f"shop-production-{name}", labels, "x", replicas, tasks)


def task(state, minutes, container="c"):
    since = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", ".123456789Z")
    return Task("t", "s", 1, state, "running", container=container, error="exit 1", since=since)


def test_tasks_that_do_not_stay_up():
    crashing = [task("failed", minute, f"c{minute}") for minute in (1, 3, 5, 30)]
    snapshot = Snapshot(
        (
            service("api", "app", task("running", 1), *crashing),
            service("migrate", "job", *crashing),
            service("old", "app", *crashing, replicas=0),
            service("web", "app", task("running", 100)),
        )
    )
    failed = failed_lately(snapshot, NOW)
    assert {key[1]: len(found) for key, found in failed.items()} == {"api": 3, "web": 0}
    found = by_kind(restarts(failed, {"c3"}))
    assert found["restarts", "api"].verdict(was=False) is True
    assert found["oom", "api"].is_bad
    assert found["restarts", "web"].verdict(was=False) is False
    assert not found["oom", "web"].is_bad


def test_nodes():
    found = by_kind(away([Node("a", True), Node("b", False), Node("c", False, is_wanted=False)]))
    assert [found["node", name].is_bad for name in "abc"] == [False, True, False]


def test_clocks_of_nodes_by_what_their_newest_task_proves():
    def changed(node, created, since, updated):
        seconds = {"since": since, "created": created, "updated": updated}
        told = {name: (NOW + timedelta(seconds=each)).isoformat() for name, each in seconds.items()}
        return Task("t", "s", 1, "running", "running", node=node, **told)

    running = [
        changed("1", 0, 4, 5),
        changed("2", 0, 9, 5),  # ahead
        changed("3", 0, -8, 5),  # behind
        changed("4", 0, 90, 5),  # was ahead
        changed("4", 100, 101, 102),
    ]
    snapshot = Snapshot((service("web", "app", *running),))
    nodes = [Node(name, is_up=True, id=number) for number, name in zip("12345", "abcde", strict=True)]
    found = by_kind(clocks(nodes, snapshot))
    assert [found["clock", name].value for name in "abcde"] == [0, 4, 8, 0, None]
    assert found["clock", "b"].facts == {"seconds": 4.0}
