"""Probes of candidate tasks, metrics, ping; and who may ask."""

import json
import socket
import threading
import time

import httpx
import pytest

from havre.adapters import traefik
from havre.adapters.traefik import ProbeTarget
from havre.domain.routes import RouteRule
from havre.errors import ServerError
from integration.traefik_lab import Backend, eventually, free_port, running_traefik, service

ALLOWED = ("127.0.0.5",)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_traefik(tmp_path_factory.mktemp("traefik")) as running:
        traefik.publish(running.folder, "havre", traefik.base_configuration(ALLOWED))
        yield running


@pytest.fixture(scope="module")
def app():
    with Backend("127.0.0.2") as backend:
        yield backend


def probe(lab, token, path="/", timeout=2.0):
    return lab.router.probe(token, path, timeout)


def publish_probes(lab, *targets):
    traefik.publish(lab.folder, "probes", traefik.probe_configuration(targets, ALLOWED))
    for target in targets:
        eventually(lambda token=target.token: probe(lab, token).status is not None)


def test_a_candidate_is_asked(lab, app):
    publish_probes(lab, ProbeTarget("task1", app.address, app.port))
    answer = probe(lab, "task1", "/health?deep=1")
    assert (answer.status, answer.body, answer.error) == (200, "1 GET /health?deep=1 0", "")
    assert answer.is_good
    assert 0 < answer.seconds < 1


def test_the_apps_404_is_told_from_the_routers(lab, app):
    publish_probes(lab, ProbeTarget("task1", app.address, app.port))
    assert probe(lab, "task1", "/missing").status == 404
    unknown = probe(lab, "task2")
    assert (unknown.status, unknown.error) == (None, "the router has not loaded the route yet")
    assert not unknown.is_good


def test_a_task_that_is_not_there(lab):
    publish_probes(lab, ProbeTarget("task3", "127.0.0.2", free_port(("127.0.0.2",))))
    answer = probe(lab, "task3")
    assert answer.status == 502
    assert not answer.is_good


def test_an_app_that_does_not_answer_in_time(lab):
    with socket.create_server(("127.0.0.2", 0)) as silent:
        made = traefik.probe_configuration(
            [ProbeTarget("task4", "127.0.0.2", silent.getsockname()[1])], ALLOWED
        )
        traefik.publish(lab.folder, "probes", made)
        eventually(lambda: "has not loaded" not in probe(lab, "task4", timeout=0.3).error)
        answer = probe(lab, "task4", timeout=0.3)
        assert (answer.status, answer.error) == (None, "no answer within 0.3 s")
        assert answer.seconds < 1


def test_a_body_without_end_does_not_hold_the_probe(lab):
    """One that floods, and one that trickles."""
    with socket.create_server(("127.0.0.2", 0)) as server:

        def serve():
            for pause in (0.0, 0.05):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    try:
                        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                        began = time.monotonic()
                        while time.monotonic() - began < 5:
                            connection.sendall(b"x" * (1000 if pause == 0 else 1))
                            time.sleep(pause)
                    except OSError:
                        pass

        target = ProbeTarget("task5", "127.0.0.2", server.getsockname()[1])
        traefik.publish(lab.folder, "probes", traefik.probe_configuration([target], ALLOWED))
        threading.Thread(target=serve, daemon=True).start()
        answer = eventually(lambda: (got := probe(lab, "task5", timeout=1)).status and got)
        assert (answer.status, answer.body) == (200, "x" * 300)
        trickled = probe(lab, "task5", timeout=0.6)
        assert trickled.status is None
        assert trickled.seconds < 1.5


def test_the_app_is_asked_by_its_own_host_and_scheme(lab, app):
    publish_probes(lab, ProbeTarget("task6", app.address, app.port, host="shop.test", https=True))
    probe(lab, "task6")
    assert app.seen["Host"] == "shop.test"
    assert app.seen["X-Forwarded-Proto"] == "https"


def test_metrics_and_ping(lab, app):
    lab.publish(service("counted", app))
    for _ in range(3):
        lab.router.ask_public("counted.test", "/", https=False, timeout=2)
    assert lab.router.alive()
    metrics = eventually(
        lambda: (text := lab.router.metrics()) and 'service="counted-tasks@file"' in text and text
    )
    assert 'router="counted-0-0' in metrics
    assert 'le="0.005"' in metrics


def test_others_are_refused(lab, app):
    """Containers on the shared network can open the port; their address is not allowed."""
    publish_probes(lab, ProbeTarget("task7", app.address, app.port))
    base = f"http://127.0.0.1:{lab.ports['internal']}"

    def ask(source, path, host):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source)) as client:
            forged = {"Host": host, "X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1"}
            return client.get(f"{base}{path}", headers=forged).status_code

    requests = [("/metrics", "x.test"), ("/", "task7.probe.havre.internal")]
    assert [ask("127.0.0.9", *request) for request in requests] == [403, 403]
    assert [ask("127.0.0.5", *request) for request in requests] == [200, 200]


def test_probes_and_metrics_are_not_on_the_public_ports(lab, app):
    publish_probes(lab, ProbeTarget("task8", app.address, app.port))
    for host, path in (("task8.probe.havre.internal", "/"), ("x.test", "/metrics"), ("x.test", "/ping")):
        for https in (False, True):
            assert lab.router.ask_public(host, path, https=https, timeout=2).status == 404


@pytest.mark.parametrize("path", ["/api/rawdata", "/dashboard/", "/debug/pprof/"])
def test_there_is_no_api_and_no_dashboard(lab, path):
    url = f"http://127.0.0.1:{lab.ports['internal']}{path}"
    assert httpx.get(url, trust_env=False).status_code == 404


def test_a_router_that_is_not_there():
    url = f"http://127.0.0.1:{free_port()}"
    with traefik.Router(url, url, url) as router:
        assert not router.alive()
        assert router.probe("t", "/", 1).status is None
        assert "refused" in router.ask_public("a.test", "/", https=False, timeout=1).error
        with pytest.raises(ServerError, match="no metrics"):
            router.metrics()


def test_every_argument_is_understood(tmp_path):
    """Also those of ACME (whose server is not there) and of the access log."""
    nowhere = f"https://127.0.0.1:{free_port()}/dir"
    with (
        running_traefik(
            tmp_path,
            acme_email="admin@example.org",
            acme_server=nowhere,
            acme_storage=str(tmp_path / "acme.json"),
            access_log=True,
        ) as lab,
        Backend("127.0.0.2") as app,
    ):
        rule = RouteRule("acme.test", https=True)
        lab.write(service("acme", app, rules=(rule,)), acme=True)
        eventually(lambda: lab.router.ask_public("acme.test", "/?t=secret", https=True, timeout=2).release)
    lines = [json.loads(line) for line in lab.log.read_text().splitlines()]
    assert [line for line in lines if line.get("RequestHost") == "acme.test"]
    assert "secret" not in lab.log.read_text()
