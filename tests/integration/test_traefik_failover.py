"""What happens to users when addresses are wrong or tasks die, with nobody there to write a file."""

import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from integration.traefik_lab import Backend, eventually, free_port, running_traefik, service


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik")) as running:
        yield running


@pytest.fixture
def client():
    with httpx.Client(trust_env=False, timeout=10) as made:
        yield made


def ask(client, lab, name, method="GET", path="/", **options):
    return client.request(method, f"{lab.url}{path}", headers={"Host": f"{name}.test"}, **options)


def test_a_stale_address_costs_no_request(lab, client):
    with Backend("127.0.0.2") as alive:
        stale = service("stale", alive, addresses=("127.0.0.2", "127.0.0.3"))
        lab.publish(stale)
        for method in ("GET", "POST"):
            statuses = Counter(ask(client, lab, "stale", method).status_code for _ in range(100))
            assert statuses == {200: 100}


@contextmanager
def blackhole(address):
    """A port that answers no SYN: its queue of connections is full."""
    server = socket.socket()
    server.bind((address, 0))
    server.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(server.getsockname())
        fillers.append(filler)
    time.sleep(0.05)
    try:
        yield server.getsockname()[1]
    finally:
        for filler in fillers:
            filler.close()
        server.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_drops_everything_costs_a_second_or_two_once(lab, client, method):
    name = f"blackhole-{method.lower()}"
    with blackhole("127.0.0.3") as port, Backend("127.0.0.2", port=port) as alive:
        wanted = service(name, alive, addresses=("127.0.0.2", "127.0.0.3"))
        lab.publish(wanted)
        took = []
        for _ in range(60):
            began = time.monotonic()
            answer = ask(client, lab, name, method, content=b"x" * 100 if method == "POST" else None)
            took.append(time.monotonic() - began)
            assert answer.status_code == 200
            time.sleep(0.05)
        # Each meeting with the dead address costs the dial timeout, 1.5 s.
        slow = [number for number, seconds in enumerate(took) if seconds >= 1.0]
        assert len(slow) <= 3, took
        assert not [number for number in slow if number >= 40], f"the health check took it out: {took}"


def test_changes_of_other_routes_do_not_bring_a_dead_address_back(lab, client):
    """Each change makes Traefik forget what its checks found; what only reads asks the alias then."""
    with blackhole("127.0.0.3") as port, Backend("127.0.0.1", port, name="alias") as alias:
        lab.write(service("reloaded", alias, addresses=("127.0.0.3",)))
        eventually(lambda: ask(client, lab, "reloaded").status_code != 404)
        with ThreadPoolExecutor(8) as pool:
            answers = []
            for number in range(5):
                lab.write(service(f"other-{number % 2}", alias, release=number))
                answers += [pool.submit(ask, client, lab, "reloaded") for _ in range(4)]
                time.sleep(0.8)
        assert {answer.result().status_code for answer in answers} == {200}


def test_traffic_finds_the_alias_when_all_tasks_are_dead(lab, client):
    port = free_port(("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    one, two = Backend("127.0.0.2", port), Backend("127.0.0.3", port)
    with Backend("127.0.0.1", port, name="alias", headers={"X-Havre-Release": "5"}):
        lab.publish(service("dead", one, two, release=5))
        one.stop()
        two.stop()
        # At once: retries last until the health check has seen it.
        answers = [ask(client, lab, "dead", "POST") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.text.split()[0] for answer in answers} == {"alias"}
        # By the alias nobody knows which release answered, even if the app says so.
        assert not [answer for answer in answers if "X-Havre-Release" in answer.headers]
        with Backend("127.0.0.2", port, name="back"):
            eventually(lambda: ask(client, lab, "dead").text.startswith("back"))
            assert ask(client, lab, "dead").headers["X-Havre-Release"] == "5"


def test_route_by_the_alias_alone(lab, client):
    with Backend("127.0.0.1") as backend:
        lab.write(service("alone", backend, addresses=(), alias_only=True))
        answer = eventually(lambda: (got := ask(client, lab, "alone")).status_code == 200 and got)
        assert "X-Havre-Release" not in answer.headers, "the alias proves no release"


class Hangup:
    """A server that takes a whole request, counts it, and closes without an answer."""

    def __init__(self, address):
        self.address = address
        self.counts = Counter()
        self._server = socket.create_server((address, 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                data = connection.recv(65536)
                if b"/order" in data:
                    self.counts[data.split(b" ", 1)[0].decode()] += 1
                else:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self):
        self._server.close()


def test_a_request_that_was_sent_is_never_sent_again(lab, client):
    bad = Hangup("127.0.0.2")
    try:
        lab.publish(service("once", bad, addresses=("127.0.0.2", "127.0.0.3")))
        with Backend("127.0.0.3", bad.port) as good:
            time.sleep(1.5)  # both healthy
            answers = [ask(client, lab, "once", "POST", "/order", content=b"x" * 50) for _ in range(20)]
            executed = bad.counts["POST"] + good.counts["POST", "/order"]
            assert executed == 20
            assert bad.counts["POST"] == len([answer for answer in answers if answer.status_code == 502]) > 0
    finally:
        bad.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_only_reads_is_sent_once_more(lab, client, method):
    """Half of the requests meet a task that ends with them, before any check has seen it."""
    bad = Hangup("127.0.0.2")
    try:
        name = f"again-{method.lower()}"
        lab.publish(service(name, bad, addresses=("127.0.0.2", "127.0.0.3")))
        with Backend("127.0.0.3", bad.port) as good:
            time.sleep(1.5)  # both healthy
            answers = [ask(client, lab, name, method, "/order") for _ in range(20)]
            assert {answer.status_code for answer in answers} == {200}
            assert good.counts[method, "/order"] == 20
            assert bad.counts[method] > 0
    finally:
        bad.close()


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1), ("DELETE", 1)])
def test_an_apps_own_error_is_believed_the_second_time(lab, client, method, times):
    with Backend("127.0.0.2") as app:
        name = f"gateway-{method.lower()}"
        lab.publish(service(name, app))
        answer = ask(client, lab, name, method, "/gateway", content=b"x" if method == "POST" else None)
        assert (answer.status_code, answer.text) == (502, "the app's own 502")
        assert app.counts[method, "/gateway"] == times


def test_a_post_is_retried_while_nothing_was_sent(lab, client):
    """One address refuses connections before the health check sees it: no POST is lost or doubled."""
    with Backend("127.0.0.2") as one:
        two = Backend("127.0.0.3", one.port)
        lab.publish(service("retried", one, two))
        two.stop()
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(
                lambda number: ask(client, lab, "retried", "POST", f"/order/{number}", content=b"x" * 50),
                range(100),
            )
            assert [answer.status_code for answer in answers] == [200] * 100
        orders = [count for (_, path), count in one.counts.items() if path.startswith("/order")]
        assert orders == [1] * 100
