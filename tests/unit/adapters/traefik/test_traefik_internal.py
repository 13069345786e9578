import pytest

from havre.adapters.traefik import (
    ProbeTarget,
    base_configuration,
    certificates_configuration,
    probe_configuration,
)


def test_every_internal_router_lets_only_the_worker_through():
    base = base_configuration(("172.18.0.1",))["http"]
    probes = probe_configuration([ProbeTarget("t1", "10.0.1.5", 3000)], ("172.18.0.1",))["http"]
    for made in (base, probes):
        for router in made["routers"].values():
            assert router["entryPoints"] == ["internal"]
            allow = made["middlewares"][router["middlewares"][0]]
            assert allow == {"ipAllowList": {"sourceRange": ["127.0.0.1/32", "172.18.0.1/32"]}}


def test_probe_names_its_task():
    made = probe_configuration([ProbeTarget("t1", "10.0.1.5", 3000)], ())["http"]
    assert made["routers"]["probe-t1"]["rule"] == "Host(`t1.probe.havre.internal`)"
    assert made["services"]["probe-t1"]["loadBalancer"]["servers"] == [{"url": "http://10.0.1.5:3000"}]
    assert made["middlewares"]["probe-t1"] == {"headers": {"customResponseHeaders": {"X-Havre-Probe": "t1"}}}


def test_the_app_sees_its_own_host_and_scheme():
    target = ProbeTarget("t1", "10.0.1.5", 3000, host="api.test", https=True)
    headers = probe_configuration([target], ())["http"]["middlewares"]["probe-t1"]["headers"]
    assert headers["customRequestHeaders"] == {"Host": "api.test", "X-Forwarded-Proto": "https"}


def test_no_targets_is_an_empty_configuration():
    assert probe_configuration([], ("172.18.0.1",)) == {}


@pytest.mark.parametrize("token", ["", "a`b", "a.b", "A"])
def test_a_token_is_a_label(token):
    with pytest.raises(ValueError, match="name"):
        probe_configuration([ProbeTarget(token, "10.0.1.5", 3000)], ())


def test_an_allowed_source_is_an_address():
    with pytest.raises(ValueError, match="not appear to be"):
        base_configuration(("gateway",))


def test_certificate_of_the_server():
    made = certificates_configuration([("/a.pem", "/a.key")], ("/etc/c.pem", "/etc/k.pem"))
    assert made["tls"]["certificates"] == [{"certFile": "/a.pem", "keyFile": "/a.key"}]
    assert certificates_configuration([], None) == {}, "Traefik refuses empty tables"
    assert made["tls"]["stores"]["default"]["defaultCertificate"] == {
        "certFile": "/etc/c.pem",
        "keyFile": "/etc/k.pem",
    }
