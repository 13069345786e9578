"""Streams pass as they come, and request bodies are limited all the same."""

import gzip
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse, IncompleteRead

import httpx
import pytest

from havre.adapters import traefik
from integration.traefik_lab import Backend, running_traefik, service

LIMIT = 100_000
READ_TIMEOUT = 2


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik"), read_timeout=READ_TIMEOUT) as running:
        yield running


@pytest.fixture(scope="module")
def app(lab):
    with Backend("127.0.0.2") as backend:
        lab.publish(service("app", backend, max_body=LIMIT))
        yield backend


@pytest.fixture
def client(lab):
    with httpx.Client(base_url=lab.url, headers={"Host": "app.test"}, trust_env=False, timeout=4) as made:
        yield made


def reads_first_before_second(app, response):
    """Whether the first piece arrives while the app holds back the second one."""
    pieces = response.iter_raw() if "content-encoding" not in response.headers else response.iter_bytes()
    first = next(pieces)
    assert b"first" in first
    assert b"second" not in first
    app.next()
    return b"second" in b"".join(pieces)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br, zstd, gzip"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_server_sent_events_are_not_held_back(app, client, method, encoding):
    asked = {"Accept": "text/event-stream", "Accept-Encoding": encoding}
    with client.stream(
        method, "/stream", params={"type": "text/event-stream"}, headers=asked, json={"q": 1}
    ) as response:
        assert response.status_code == 200
        assert "content-encoding" not in response.headers
        assert reads_first_before_second(app, response)


def test_events_of_a_chunked_post_that_accepts_them_are_not_held_back(app, client):
    asked = {"Accept": "application/json, text/event-stream"}
    with client.stream(
        "POST", "/stream", params={"type": "text/event-stream"}, headers=asked, content=iter([b"{}"])
    ) as response:
        assert reads_first_before_second(app, response)


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/plain"])
def test_other_streams_are_not_held_back_either(app, client, kind):
    """Plain text is compressed, piece by piece."""
    asked = {"Accept-Encoding": "gzip"}
    with client.stream("POST", "/stream", params={"type": kind}, headers=asked, content=b"x") as response:
        assert reads_first_before_second(app, response)


def test_an_answer_outlives_the_read_timeout(app, client):
    with client.stream("GET", "/stream", params={"type": "text/event-stream"}) as response:
        pieces = response.iter_raw()
        assert b"first" in next(pieces)
        time.sleep(READ_TIMEOUT + 1)
        app.next()
        assert b"second" in b"".join(pieces)


def test_a_client_that_does_not_send_is_dropped(lab):
    with socket.create_connection(("127.0.0.1", lab.ports["web"])) as slow:
        slow.settimeout(READ_TIMEOUT + 3)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: app.test\r\n")
        assert slow.recv(100) == b""


def test_text_is_compressed_in_what_the_client_prefers(app, client):
    for encoding in ("br", "zstd", "gzip"):
        with client.stream("GET", "/large", headers={"Accept-Encoding": encoding}) as response:
            raw = b"".join(response.iter_raw())
        assert response.headers["content-encoding"] == encoding
        assert len(raw) < 1000
        if encoding == "gzip":
            assert len(gzip.decompress(raw)) == 21_000


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_body_within_the_limit_passes(app, client, method):
    assert client.request(method, "/a", content=b"x" * LIMIT).text == f"1 {method} /a {LIMIT}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_declared_length_above_the_limit_is_refused(app, client, method):
    app.counts.clear()
    assert client.request(method, "/b", content=b"x" * (LIMIT + 1)).status_code == 413
    assert app.counts[method, "/b"] == 0


def test_too_large_is_said_before_the_body_is_sent(lab, app):
    with socket.create_connection(("127.0.0.1", lab.ports["web"]), timeout=1.5) as asking:
        asking.sendall(
            b"POST /c HTTP/1.1\r\nHost: app.test\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
        )
        assert asking.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_chunked_body_is_counted(app, client, method):
    app.counts.clear()
    within = client.request(method, "/d", content=iter([b"x" * 1000] * 100))
    assert within.text == f"1 {method} /d {LIMIT}"
    above = client.request(method, "/d", content=iter([b"x" * 1000] * 101))
    assert above.status_code == 413
    assert app.counts[method, "/d"] == 1


def test_a_large_upload_of_known_length_streams_to_the_app(lab, app):
    """More than the 64 KiB that are read first."""
    app.first.clear()
    with socket.create_connection(("127.0.0.1", lab.ports["web"]), timeout=3) as upload:
        upload.sendall(b"POST /upload HTTP/1.1\r\nHost: app.test\r\nContent-Length: 90000\r\n\r\n")
        upload.sendall(b"x" * 80_000)
        assert app.first.wait(1.5), "the app gets the beginning before the rest is sent"
        upload.sendall(b"x" * 10_000)
        answer = HTTPResponse(upload)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b"90000")


def test_no_streamed_answer_to_a_post_is_cut_off(lab, app):
    """Which happens where the answer begins while Traefik still waits for the end of the body."""

    def post(_):
        with socket.create_connection(("127.0.0.1", lab.ports["web"]), timeout=3) as posting:
            posting.sendall(b"POST /pieces HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\n\r\n")
            time.sleep(0.002)
            posting.sendall(b'{"q": 1} ')
            answer = HTTPResponse(posting)
            answer.begin()
            try:
                return answer.read()
            except IncompleteRead:
                return b"cut off"

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(post, range(400))) == {b"data: first\n\ndata: second\n\n": 400}


def test_no_limit_where_none_is_wanted(lab, client):
    with Backend("127.0.0.2") as backend:
        lab.publish(service("free", backend, max_body=0))
        for content in (b"x" * 2_000_000, iter([b"x" * 1000] * 2000)):
            answer = client.post("/", headers={"Host": "free.test"}, content=content)
            assert answer.text == "1 POST / 2000000"


def test_the_limit_is_of_each_service(lab, app, client):
    with Backend("127.0.0.2") as backend:
        lab.publish(service("small", backend, max_body=10))
        assert client.post("/", headers={"Host": "small.test"}, content=b"x" * 11).status_code == 413
        assert client.post("/", content=b"x" * 11).status_code == 200


def test_go_templates_in_a_path_are_only_text(lab, app):
    made = traefik.routes_configuration([service("tpl", app)], acme=False)
    made["http"]["middlewares"]["tpl-release"]["headers"]["customResponseHeaders"]["X-T"] = '{{ env "PATH" }}'
    traefik.publish(lab.folder, "tpl", made)
    lab.wait_for(service("tpl", app))
    answer = httpx.get(lab.url, headers={"Host": "tpl.test"}, trust_env=False)
    assert answer.headers["X-T"] == '{{ env "PATH" }}'
