"""What happens to users while a route changes."""

import asyncio
import socket
import statistics
import time

import aiohttp
import pytest
from websockets.sync.client import connect

from havre.adapters import traefik
from integration.traefik_lab import Backend, eventually, running_traefik, service


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik")) as running:
        yield running


@pytest.fixture
def pair():
    with Backend("127.0.0.2", name="1") as one, Backend("127.0.0.3", port=one.port, name="2") as two:
        yield one, two


class Load:
    """Requests at fixed times, whatever the answers do, until told to stop.

    ``answers`` holds a pair for each: status or error, and the release that answered.
    """

    def __init__(self, url, host, *, rate, method, keep_alive):
        self.answers = []
        self._url, self._host, self._rate = url, host, rate
        self._method, self._keep_alive = method, keep_alive
        self._stopped = False

    async def run(self):
        connector = aiohttp.TCPConnector(force_close=not self._keep_alive, limit=0)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began = time.monotonic()
            running = []
            while not self._stopped:
                await asyncio.sleep(max(0, began + len(running) / self._rate - time.monotonic()))
                running.append(asyncio.create_task(self._one(session)))
            await asyncio.gather(*running)

    async def _one(self, session):
        body = b"x" * 100 if self._method == "POST" else None
        asked = session.request(self._method, self._url, headers={"Host": self._host}, data=body)
        try:
            async with asked as response:
                await response.read()
                self.answers.append((response.status, response.headers.get("X-Havre-Release")))
        except (aiohttp.ClientError, TimeoutError) as error:
            self.answers.append((repr(error), None))

    async def until(self, release):
        """Wait until a release answered, and then a little longer."""
        for _ in range(1000):
            if self.answers and self.answers[-1][1] == str(release):
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)

    def stop(self):
        self._stopped = True


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "new-connections"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_request_fails_while_the_route_switches(lab, pair, method, keep_alive):
    one, two = pair
    name = f"switch-{method.lower()}-{'kept' if keep_alive else 'new'}"
    lab.publish(service(name, one, release=1))
    load = Load(lab.url, f"{name}.test", rate=200, method=method, keep_alive=keep_alive)

    async def scenario():
        running = asyncio.create_task(load.run())
        await load.until(1)
        for release in range(2, 7):
            backend = two if release % 2 == 0 else one
            await asyncio.to_thread(lab.write, service(name, backend, release=release))
            await load.until(release)
        load.stop()
        await running

    asyncio.run(scenario())
    assert len(load.answers) > 300
    assert [status for status, _ in load.answers if status != 200] == []
    assert {release for _, release in load.answers} == {"1", "2", "3", "4", "5", "6"}


def test_a_change_is_live_soon(lab, pair, capsys):
    one, two = pair
    lab.publish(service("latency", one, release=1))
    took = []
    for release in range(2, 14):
        backend = two if release % 2 == 0 else one
        began = time.monotonic()
        lab.write(service("latency", backend, release=release))
        eventually(
            lambda wanted=release: (
                lab.router.ask_public("latency.test", "/", https=False, timeout=2).release == wanted
            ),
            every=0.003,
        )
        took.append(time.monotonic() - began)
    p50, worst = statistics.median(took), max(took)
    with capsys.disabled():
        print(  # noqa: T201 - a figure for the reader
            f"\nfrom file to live: p50 {p50 * 1000:.0f} ms, worst {worst * 1000:.0f} ms of {len(took)}"
        )
    assert p50 < 0.5


def test_a_web_socket_outlives_the_switch(lab, pair):
    one, two = pair
    lab.publish(service("chat", one, release=1))

    def dial():
        return connect(
            "ws://chat.test/ws",
            sock=socket.create_connection(("127.0.0.1", lab.ports["web"])),
            open_timeout=5,
            proxy=None,
        )

    with dial() as old:
        old.send("a")
        assert old.recv(5) == "1: a"
        lab.publish(service("chat", two, release=2))
        with dial() as new:
            new.send("b")
            assert new.recv(5) == "2: b"
            old.send("c")
            assert old.recv(5) == "1: c"


def test_the_longest_path_wins_and_whole_segments_only(lab, pair):
    one, two = pair
    root = service("site", one)
    rule = root.rules[0]
    api = service("site-api", two, release=7, rules=(type(rule)("site.test", paths=("/api",)),))
    lab.publish(root)
    lab.write(api)

    def ask(path):
        return lab.router.ask_public("site.test", path, https=False, timeout=2).body.split()[0]

    eventually(lambda: ask("/api") == "2")
    assert [ask(path) for path in ("/api/x?y=1", "/api/", "/apis", "/", "/a")] == ["2", "2", "1", "1", "1"]
    assert lab.router.ask_public("site.test", "/api?a=b", https=False, timeout=2).body == "2 GET /api?a=b 0"


def test_withdrawn_is_gone(lab, pair):
    lab.publish(service("gone", pair[0]))
    assert traefik.withdraw(lab.folder, "gone")
    eventually(lambda: lab.router.ask_public("gone.test", "/", https=False, timeout=2).status == 404)
