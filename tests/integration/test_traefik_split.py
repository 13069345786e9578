"""Two releases that share the requests of one route: by weight, seen in the metrics, none lost."""

import threading
import time
from collections import Counter

import httpx
import pytest

from havre.adapters import traefik
from havre.domain.routes import Beside
from integration.traefik_lab import Backend, eventually, running_traefik, service


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik")) as running:
        traefik.publish(running.folder, "base", traefik.base_configuration(()))
        yield running


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=10) as made:
        yield made


def split(name, old, new, *, weight, rest, sticky=False):
    """``old`` is release 1, ``new`` release 2 beside it."""
    beside = Beside(service(name, new, release=2), weight, rest, sticky=sticky)
    return service(name, old, release=1, beside=beside)


def ask(client, lab, name, path="/"):
    return client.get(f"{lab.url}{path}", headers={"Host": f"{name}.test"})


def both_loaded(client, lab, name):
    """Wait until the router has read the file: both releases answer."""
    seen = set()

    def loaded():
        seen.add(ask(client, lab, name).headers.get("X-Havre-Release"))
        return {"1", "2"} <= seen

    eventually(loaded)


def test_requests_are_shared_by_weight_and_counted_by_release(lab, client):
    with Backend("127.0.0.2", name="old") as old, Backend("127.0.0.3", name="new") as new:
        lab.write(split("share", old, new, weight=25, rest=75))
        both_loaded(client, lab, "share")
        before = traefik.traffic(lab.router.metrics(), "share")
        answers = [ask(client, lab, "share") for _ in range(200)]
        shares = Counter(answer.headers["X-Havre-Release"] for answer in answers)
        assert {answer.status_code for answer in answers} == {200}
        assert 45 <= shares["2"] <= 55  # round robin, not chance
        said = {answer.headers["X-Havre-Release"]: answer.text.split()[0] for answer in answers}
        assert said == {"1": "old", "2": "new"}

        after = traefik.traffic(lab.router.metrics(), "share")
        live, beside = (now.since(then) for now, then in zip(after, before, strict=True))
        assert (live.requests, beside.requests) == (shares["1"], shares["2"])
        assert live.errors == beside.errors == 0
        assert beside.within[-1][1] == beside.requests
        assert beside.latency is not None
        assert beside.latency < 1


def test_the_release_that_dies_gets_nothing_and_no_request_fails(lab, client):
    with Backend("127.0.0.2", name="old") as old, Backend("127.0.0.3", name="new") as new:
        lab.write(split("dies", old, new, weight=50, rest=50))
        both_loaded(client, lab, "dies")
        new.stop()
        answers = [ask(client, lab, "dies") for _ in range(100)]
        assert {answer.status_code for answer in answers} == {200}
        eventually(lambda: {ask(client, lab, "dies").headers["X-Havre-Release"] for _ in range(10)} == {"1"})


def test_weights_change_without_a_failed_request(lab, client):
    with Backend("127.0.0.2", name="old") as old, Backend("127.0.0.3", name="new") as new:
        lab.write(split("steps", old, new, weight=5, rest=95))
        both_loaded(client, lab, "steps")
        over = threading.Event()
        statuses = Counter()

        def load():
            with httpx.Client(trust_env=False, timeout=10) as mine:
                while not over.is_set():
                    statuses[ask(mine, lab, "steps").status_code] += 1

        asking = threading.Thread(target=load)
        asking.start()
        try:
            for weight in (25, 50, 75):
                lab.write(split("steps", old, new, weight=weight, rest=100 - weight))
                time.sleep(0.4)
            lab.publish(service("steps", new, release=2))
        finally:
            over.set()
            asking.join(20)
        assert set(statuses) == {200}
        assert statuses[200] > 50


def test_a_browser_stays_with_its_release_if_that_was_asked_for(lab):
    with Backend("127.0.0.2", name="old") as old, Backend("127.0.0.3", name="new") as new:
        lab.write(split("sticky", old, new, weight=50, rest=50, sticky=True))
        with httpx.Client(trust_env=False, timeout=10) as probe:

            def has_cookie():
                probe.cookies.clear()
                return "havre-release" in ask(probe, lab, "sticky").cookies

            eventually(has_cookie)
        met = set()
        for _ in range(6):
            with httpx.Client(trust_env=False, timeout=10) as browser:
                releases = {ask(browser, lab, "sticky").headers["X-Havre-Release"] for _ in range(6)}
                assert len(releases) == 1
                met |= releases
        assert met == {"1", "2"}
