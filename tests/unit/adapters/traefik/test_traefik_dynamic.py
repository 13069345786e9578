from dataclasses import replace

import pytest

from havre.adapters.traefik import api_configuration, published_addresses, routes_configuration
from havre.domain.health import Health
from havre.domain.routes import Beside, RoutedService, RouteRule

API = RoutedService(
    name="dropit-production-api",
    release=12,
    port=3000,
    health=Health(path="/health", timeout=2.5),
    rules=(RouteRule("api.dropit.test"),),
    addresses=("10.0.1.5", "10.0.1.6"),
    alias="dropit-production-api",
    max_body=1000,
)


def http(*services, public_ports=(80, 443), acme=False):
    return routes_configuration(services, public_ports=public_ports, acme=acme)["http"]


def with_rule(**rule):
    return replace(API, rules=(RouteRule("api.dropit.test", **rule),))


def test_tasks_with_health_check_fail_over_to_the_alias():
    services = http(API)["services"]
    assert services["dropit-production-api"] == {
        "failover": {"service": "dropit-production-api-tasks", "fallback": "dropit-production-api-alias"}
    }
    tasks = services["dropit-production-api-tasks"]
    assert tasks["loadBalancer"]["servers"] == [
        {"url": "http://10.0.1.5:3000"},
        {"url": "http://10.0.1.6:3000"},
    ]
    assert tasks["loadBalancer"]["healthCheck"] == {
        "path": "/health",
        "interval": "1s",
        "timeout": "2.5s",
        "followRedirects": False,
        "hostname": "api.dropit.test",
    }
    alias = services["dropit-production-api-alias"]["loadBalancer"]
    assert alias["servers"] == [{"url": "http://dropit-production-api:3000"}]
    assert "healthCheck" not in alias


def test_the_release_is_said_by_the_tasks_and_never_by_the_fallback():
    made = http(API)
    assert made["services"]["dropit-production-api-tasks"]["middlewares"] == ["dropit-production-api-release"]
    release = made["middlewares"]["dropit-production-api-release"]["headers"]["customResponseHeaders"]
    assert release == {"X-Havre-Release": "12"}
    assert made["services"]["dropit-production-api-alias"]["middlewares"] == [
        "dropit-production-api-fallback"
    ]
    fallback = made["middlewares"]["dropit-production-api-fallback"]["headers"]["customResponseHeaders"]
    assert fallback == {"X-Havre-Release": ""}


def test_two_releases_share_by_weight_and_say_which_one_answered():
    new = replace(API, release=13, port=4000, addresses=("10.0.1.9",))
    made = http(replace(API, beside=Beside(new, 5, 95)))
    services, name = made["services"], "dropit-production-api"
    assert services[name] == {"failover": {"service": f"{name}-split", "fallback": f"{name}-alias"}}
    assert services[f"{name}-split"] == {
        "weighted": {
            "services": [
                {"name": f"{name}-tasks", "weight": 95},
                {"name": f"{name}-beside-tasks", "weight": 5},
            ],
            "healthCheck": {},
        }
    }
    beside = services[f"{name}-beside-tasks"]
    assert beside["loadBalancer"]["servers"] == [{"url": "http://10.0.1.9:4000"}]
    assert beside["loadBalancer"]["healthCheck"]["path"] == "/health"
    said = made["middlewares"][beside["middlewares"][0]]["headers"]["customResponseHeaders"]
    assert said == {"X-Havre-Release": "13"}
    assert published_addresses({"http": made}, API.name) == (*API.addresses, "10.0.1.9")
    assert published_addresses({"http": made}) == (*API.addresses, "10.0.1.9")


def test_the_cookie_of_a_sticky_canary_is_secure_where_all_is():
    new = replace(API, release=13, addresses=("10.0.1.9",))
    for https in (True, False):
        service = replace(with_rule(https=https), beside=Beside(new, 5, 95, sticky=True))
        cookie = http(service)["services"]["dropit-production-api-split"]["weighted"]["sticky"]["cookie"]
        assert cookie == {"name": "havre-release", "httpOnly": True, "sameSite": "lax", "secure": https}


def test_an_empty_list_is_refused_unless_the_alias_is_meant():
    with pytest.raises(ValueError, match="no address"):
        http(API.at(()))
    made = http(replace(API.at(()), alias_only=True))["services"]
    assert list(made) == ["dropit-production-api", "dropit-production-api_reads"]
    assert made["dropit-production-api"] == made["dropit-production-api_reads"]
    assert made["dropit-production-api"]["loadBalancer"]["servers"] == [
        {"url": "http://dropit-production-api:3000"}
    ]


def test_dialling_is_bounded_and_thinking_is_not():
    timeouts = http(API)["serversTransports"]["dropit-production-api"]["forwardingTimeouts"]
    assert timeouts == {"dialTimeout": "1.5s", "responseHeaderTimeout": "0s", "idleConnTimeout": "1.5s"}


def test_plain_http_has_no_tls_no_hsts_and_no_redirect():
    made = http(API)
    assert {tuple(router["entryPoints"]) for router in made["routers"].values()} == {("web",)}
    assert not [router for router in made["routers"].values() if "tls" in router]
    headers = made["middlewares"]["dropit-production-api-headers"]["headers"]
    assert headers == {"contentTypeNosniff": True, "customFrameOptionsValue": "SAMEORIGIN"}


@pytest.mark.parametrize(("acme", "tls"), [(False, {}), (True, {"certResolver": "havre"})])
def test_https(acme, tls):
    made = http(with_rule(https=True), acme=acme)
    plain = made["routers"]["dropit-production-api-0-0"]
    assert (plain["entryPoints"], plain["tls"]) == (["websecure"], tls)
    assert "dropit-production-api-headers-tls" in plain["middlewares"]
    assert made["middlewares"]["dropit-production-api-headers-tls"]["headers"]["stsSeconds"] == 31536000
    redirect = made["routers"]["dropit-production-api-0-to-https"]
    assert (redirect["entryPoints"], redirect["service"]) == (["web"], "noop@internal")


@pytest.mark.parametrize(("ports", "port"), [((80, 443), {}), ((80, 8443), {"port": "8443"})])
def test_redirects_to_https_go_to_the_port_that_users_see(ports, port):
    made = http(with_rule(https=True), public_ports=ports)["middlewares"]
    assert made["dropit-production-api-0-to-https"]["redirectScheme"] == {
        "scheme": "https",
        "permanent": True,
        **port,
    }


@pytest.mark.parametrize(
    ("https", "ports", "origin"),
    [
        (False, (80, 443), "http://api.dropit.test"),
        (False, (8080, 443), "http://api.dropit.test:8080"),
        (True, (8080, 443), "https://api.dropit.test"),
        (True, (80, 8443), "https://api.dropit.test:8443"),
    ],
)
def test_other_hosts_are_redirected_in_one_hop(https, ports, origin):
    made = http(with_rule(https=https, redirect_from=("www.dropit.test",)), public_ports=ports)
    redirect = made["middlewares"]["dropit-production-api-0-to-host"]["redirectRegex"]
    assert redirect["replacement"] == origin + "${1}"
    points = [r["entryPoints"] for r in made["routers"].values() if r["rule"] == "Host(`www.dropit.test`)"]
    assert points == ([["web"], ["websecure"]] if https else [["web"]])


def test_deeper_paths_and_limits_come_first():
    routers = http(with_rule(paths=("/", "/api")))["routers"]
    by_priority = sorted(routers, key=lambda name: -routers[name]["priority"])
    assert [name.removeprefix("dropit-production-api-0-") for name in by_priority] == [
        "1-too-large",
        "1-unknown-length",
        "1-declared",
        "1-read",
        "1",
        "0-too-large",
        "0-unknown-length",
        "0-declared",
        "0-read",
        "0",
    ]


def test_ordinary_requests_are_not_buffered():
    routers = http(API)["routers"]
    for name in ("dropit-production-api-0-0", "dropit-production-api-0-0-declared"):
        assert "dropit-production-api-limit" not in routers[name]["middlewares"]
    assert "dropit-production-api-limit" in routers["dropit-production-api-0-0-too-large"]["middlewares"]


def test_reading_a_body_first_never_repeats_an_answered_request():
    middlewares = http(API)["middlewares"]
    plain = middlewares["dropit-production-api-retry"]["retry"]
    first = middlewares["dropit-production-api-retry-read-first"]["retry"]
    assert "status" not in plain
    assert "retryNonIdempotentMethod" not in plain
    assert [int(status) > 999 for status in first["status"]] == [True], "no HTTP status has four digits"


def test_no_limit_no_routers_for_it():
    made = http(replace(API, max_body=0))
    own = "dropit-production-api-0-0"
    assert list(made["routers"]) == [own, f"{own}-read", f"{own}-declared"]
    assert "dropit-production-api-limit" not in made["middlewares"]


def test_every_name_that_is_used_is_defined():
    made = http(with_rule(https=True, paths=("/", "/a"), redirect_from=("www.dropit.test", "d.test")))
    for router in made["routers"].values():
        assert set(router["middlewares"]) <= set(made["middlewares"])
        assert router["service"] in {*made["services"], "noop@internal"}
    for service in made["services"].values():
        assert set(service.get("middlewares", ())) <= set(made["middlewares"])
        if "loadBalancer" in service:
            assert service["loadBalancer"]["serversTransport"] in made["serversTransports"]


def test_two_services_share_no_name():
    one = http(API)
    other = http(replace(API, name="shop-staging-api", rules=(RouteRule("b.test"),)))
    both = http(API, replace(API, name="shop-staging-api", rules=(RouteRule("b.test"),)))
    for kind, made in both.items():
        assert len(made) == len(one[kind]) + len(other[kind])


def test_no_services_is_an_empty_configuration():
    assert routes_configuration([], acme=False) == {}


def test_ipv6_addresses_and_what_is_none():
    tasks = http(API.at(("fd00::5",)))["services"]["dropit-production-api-tasks"]["loadBalancer"]
    assert tasks["servers"] == [{"url": "http://[fd00::5]:3000"}]
    with pytest.raises(ValueError, match="not appear to be"):
        http(API.at(("10.0.0.1/x",)))


def test_published_addresses_come_back():
    other = replace(API, name="dropit-production-web", addresses=("fd00::5",), rules=(RouteRule("w.test"),))
    made = routes_configuration([API, other], acme=False)
    assert published_addresses(made, API.name) == API.addresses
    assert published_addresses(made, other.name) == other.addresses
    assert published_addresses(made) == API.addresses + other.addresses
    assert published_addresses(made, "unknown") == published_addresses(None) == published_addresses({}) == ()


def test_api_is_https_with_a_redirect():
    made = api_configuration(
        "panel.test", "http://172.18.0.1:8700", proof="p" * 64, public_ports=(80, 8443), acme=True
    )["http"]
    proof = made["middlewares"]["havre-api-headers"]["headers"]["customRequestHeaders"]
    assert proof == {"X-Havre-Router": "p" * 64}
    assert made["routers"]["havre-api"]["entryPoints"] == ["websecure"]
    assert made["routers"]["havre-api"]["tls"] == {"certResolver": "havre"}
    assert made["routers"]["havre-api-http"]["middlewares"] == ["havre-api-to-https"]
    assert made["middlewares"]["havre-api-to-https"]["redirectScheme"]["port"] == "8443"
    assert made["services"]["havre-api"]["loadBalancer"]["servers"] == [{"url": "http://172.18.0.1:8700"}]
