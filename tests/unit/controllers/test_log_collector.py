"""The collector, against a socket that speaks as the engine does."""

from __future__ import annotations

import socketserver
import struct
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from havre.adapters import sealing
from havre.adapters.logs.reader import LogReader
from havre.adapters.logs.writer import LogWriter
from havre.config import Config
from havre.controllers.log_collector import LogCollector
from havre.domain.logs.question import Question
from havre.domain.logs.words import Sought, terms_of
from havre.domain.snapshot import Service, Snapshot
from havre.operations.live_log import LiveLog
from havre.records import queries
from havre.records.models import Operation

pytestmark = pytest.mark.django_db(transaction=True)


class FakeEngine(socketserver.ThreadingUnixStreamServer):
    """Streams ``lines`` of each service, those after ``since``, and what comes, until it is closed."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path):
        self.lines = {}
        self.asked = []
        self.over = threading.Event()
        super().__init__(str(path), _Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def write(self, service, *texts, at=None):
        for text in texts:
            moment = time.time_ns() if at is None else at
            whole, part = divmod(moment, 10**9)
            shown = f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:09d}Z"
            body = f"{shown} com.docker.swarm.task.id=task{service} {text}\n".encode()
            self.lines.setdefault(service, []).append((moment, struct.pack(">BxxxL", 1, len(body)) + body))

    def close(self):
        self.over.set()
        self.shutdown()
        self.server_close()


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode()
        url = urlsplit(line.split()[1])
        assert line.endswith("HTTP/1.0\r\n")
        while self.rfile.readline() not in {b"\r\n", b""}:
            pass
        service, since = url.path.split("/")[2], int(parse_qs(url.query)["since"][0])
        self.server.asked.append((service, since))
        if service not in self.server.lines:
            self.wfile.write(b"HTTP/1.0 404 Not Found\r\n\r\n{}")
            return
        self.wfile.write(
            b"HTTP/1.0 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n"
        )
        sent = 0
        while not self.server.over.is_set():
            lines = self.server.lines[service]
            data = b"".join(data for at, data in lines[sent:] if at // 10**9 >= since)
            sent = len(lines)
            try:
                self.wfile.write(data)
            except OSError:
                return
            time.sleep(0.02)


def service(name, release=4):
    labels = {
        "havre.project": "shop",
        "havre.environment": "production",
        "havre.service": name,
        "havre.release": str(release),
    }
    return Service(name, f"shop-production-{name}-r{release}", tuple(labels.items()), "image", 1)


@pytest.fixture
def engine(tmp_path):
    found = FakeEngine(tmp_path / "engine.sock")
    yield found
    found.close()


class Collecting:
    def __init__(self, tmp_path, **settings):
        self.config = Config(state=tmp_path, docker_host=f"unix://{tmp_path}/engine.sock", **settings)
        self.services = []
        engine = SimpleNamespace(snapshot=lambda: Snapshot(tuple(self.services)))
        self.stopping = threading.Event()
        platform = SimpleNamespace(config=self.config, engine=engine, stopping=self.stopping)
        self.live = LiveLog()
        self.collector = LogCollector(platform, LogWriter(self.config.paths.logs), self.live)
        self.thread = None

    def begin(self, *services):
        self.services = list(services)
        self.thread = self.thread or self.collector.start()
        self.collector.wake()

    def end(self):
        self.stopping.set()
        if self.thread:
            self.thread.join(60)
            assert not self.thread.is_alive()

    def texts(self, **question):
        return [
            line.text
            for line in LogReader(self.config.paths.logs).page(Question(limit=100_000, **question)).lines
        ]

    def wait(self, condition):
        deadline = time.monotonic() + 60
        while not condition(self.texts()):
            assert time.monotonic() < deadline, self.texts()[-20:]
            time.sleep(0.05)


@pytest.fixture
def collecting(tmp_path):
    made = []

    def make(**settings):
        made.append(Collecting(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_lines_are_stored_joined_and_told_to_those_who_follow(engine, collecting):
    one = collecting()
    engine.write("api", "INFO ready", "TypeError: x", "    at f (a.js:1)")
    with one.live.following(lambda source: source == "shop/production/api") as following:
        one.begin(service("api"))
        one.wait(lambda texts: len(texts) == 2)
        lines, _ = following.take(60)
    assert one.texts() == ["INFO ready", "TypeError: x\n    at f (a.js:1)"]
    assert lines[0].record.release == 4
    engine.write("web", "joined later")
    one.begin(service("api"), service("web"))
    one.wait(lambda texts: "joined later" in texts)


def test_a_new_worker_goes_on_where_the_old_one_ended(engine, collecting):
    engine.write("api", *[f"line {n}" for n in range(50)])
    first = collecting()
    first.begin(service("api"))
    first.wait(lambda texts: len(texts) == 50)
    first.end()
    engine.write("api", *[f"line {n}" for n in range(50, 60)])
    second = collecting()
    second.begin(service("api"))
    second.wait(lambda texts: len(texts) >= 60)
    second.end()
    assert second.texts() == [f"line {n}" for n in range(60)]
    assert engine.asked[1][1] > engine.asked[0][1]


def test_a_flood_is_sampled_and_said_so_and_others_lose_nothing(engine, collecting):
    one = collecting(logs_rate=100)
    engine.write("flood", *[f"noise {n} " + "x" * 80 for n in range(60_000)])
    engine.write("calm", *[f"calm {n}" for n in range(200)])
    one.begin(service("flood"), service("calm"))
    one.wait(lambda texts: any("lines left out within" in text for text in texts))
    one.wait(lambda texts: sum(text.startswith("calm") for text in texts) == 200)
    noise = [text for text in one.texts() if text.startswith("noise")]
    assert 1000 <= len(noise) < 10_000
    told = one.texts(sought=Sought(terms_of('"left out"')))
    assert told
    assert "100 a second" in told[0]


def test_secrets_are_taken_out(engine, collecting):
    one = collecting()
    one.config.paths.keys.mkdir()
    sealing.make_keys(one.config.paths.private_key, one.config.paths.public_key)
    environment = queries.ensure_environment("shop", "production", source="")
    sealed = sealing.seal(one.config.paths.public_key, b"hunter22hunter22")
    queries.add_secret(environment, "password", sealed, actor="t")
    engine.write("api", "connecting with hunter22hunter22 now")
    one.begin(service("api"))
    one.wait(bool)
    assert one.texts() == ["connecting with [secret] now"]


def test_operations_are_marked_once(engine, collecting):
    environment = queries.ensure_environment("shop", "production", source="")
    now = datetime.now(UTC)
    queries.enqueue("deploy", environment, {}, actor="ana")
    Operation.objects.update(state="succeeded", started_at=now, finished_at=now, result={"release": 5})
    queries.enqueue("backup", environment, {}, actor="ana")
    first = collecting()
    first.begin()
    first.wait(lambda texts: len(texts) == 2)
    first.end()
    second = collecting()
    engine.write("api", "something else")
    second.begin(service("api"))
    second.wait(lambda texts: "something else" in texts)
    number = Operation.objects.get(kind="deploy").pk
    assert [text for text in second.texts() if text != "something else"] == [
        f"deployment {number} begins, by ana",
        f"deployment {number} succeeded after 0.0 s: release 5",
    ]


def test_what_has_no_log_costs_nobody_else_anything(engine, collecting):
    one = collecting()
    engine.write("api", "there")
    one.begin(service("gone"), service("api"))
    one.wait(lambda texts: texts == ["there"])
