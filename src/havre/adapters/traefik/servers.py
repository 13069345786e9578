"""Which servers answer a routed service: its tasks, a second release's beside them, else its alias.

``NAME`` fails over from ``NAME-tasks`` to ``NAME-alias``, and ``NAME_reads`` for a single request too.
While two releases share the requests, ``NAME-split`` stands in place of ``NAME-tasks`` and weighs it
against ``NAME-beside-tasks``; both know by their health check which tasks answer, and a side of which
none does gets nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from havre.adapters.traefik.parts import Configuration
from havre.adapters.traefik.rules import checked_host
from havre.domain.routes import Beside, RoutedService

RELEASE_HEADER = "X-Havre-Release"
"""Response header that holds the number of the release whose task answered."""

_HEALTH_INTERVAL = "1s"  # measured: with it a stale address costs no request, without it half of them
_COOKIE = "havre-release"
_TASKS = "-tasks"


def tasks_name(name: str) -> str:
    """The load balancer of a service's tasks; ``NAME@file`` is how metrics call it."""
    return f"{name}{_TASKS}"


def read_name(name: str) -> str:
    """The same for what only reads: by the alias too if an address does not answer."""
    return f"{name}_reads"


def beside_name(name: str) -> str:
    """The same service at the release that stands beside the live one."""
    return f"{name}-beside"


def published_addresses(configuration: Mapping[str, Any] | None, name: str | None = None) -> tuple[str, ...]:
    """The task addresses in a configuration of :func:`routes_configuration`, without ports.

    Args:
        configuration: what was published; None holds none.
        name: of this service only (of both releases, if two share it); None: of all.
    """
    services = ((configuration or {}).get("http") or {}).get("services") or {}
    wanted = (
        [tasks_name(name), tasks_name(beside_name(name))]
        if name
        else [key for key in services if key.endswith(_TASKS)]
    )
    urls = [
        server["url"]
        for key in wanted
        for server in services.get(key, {}).get("loadBalancer", {}).get("servers", ())
    ]
    return tuple(url.removeprefix("http://").rpartition(":")[0].strip("[]") for url in urls)


def server_url(address: str, port: int) -> str:
    """The URL of a server by its IP address.

    Raises:
        ValueError: it is not an IP address.
    """
    ip = ipaddress.ip_address(address)
    return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"  # noqa: PLR2004 - IPv6


def middlewares_of(service: RoutedService) -> Configuration:
    """Who answers says which release it is, and the fallback never does."""
    made: Configuration = {
        f"{service.name}-release": _says(str(service.release)),
        # An empty value removes the header: an app must not pass for a release by the fallback.
        f"{service.name}-fallback": _says(""),
    }
    if service.beside:
        made[f"{beside_name(service.name)}-release"] = _says(str(service.beside.service.release))
    return made


def _says(release: str) -> Configuration:
    return {"headers": {"customResponseHeaders": {RELEASE_HEADER: release}}}


def servers(service: RoutedService) -> Configuration:
    """The services behind the routers of a routed service.

    Raises:
        ValueError: it has no address and is not ``alias_only``, or an address is not one.
    """
    name = service.name
    by_alias = _load_balancer(name, [f"http://{checked_host(service.alias)}:{service.port}"])
    by_alias["middlewares"] = [f"{name}-fallback"]
    if service.alias_only:
        return {name: by_alias, read_name(name): by_alias}
    made: Configuration = {f"{name}-alias": by_alias, tasks_name(name): _by_tasks(name, service)}
    first = tasks_name(name)
    if service.beside:
        first, other = f"{name}-split", beside_name(name)
        made[tasks_name(other)] = _by_tasks(other, service.beside.service, transport=name)
        made[first] = _split(service, service.beside)
    whole = {"service": first, "fallback": f"{name}-alias"}
    made[read_name(name)] = {"failover": {**whole, "errors": {"status": ["504"]}}}
    return {name: {"failover": whole}, **made}


def _by_tasks(name: str, service: RoutedService, *, transport: str = "") -> Configuration:
    if not service.addresses:
        raise ValueError(f"{name} has no address to route to")
    made = _load_balancer(transport or name, [server_url(a, service.port) for a in service.addresses])
    made["middlewares"] = [f"{name}-release"]
    made["loadBalancer"]["healthCheck"] = _health_check(service)
    return made


def _split(service: RoutedService, beside: Beside) -> Configuration:
    """Both releases by weight; one that has no healthy task gets nothing (``healthCheck``)."""
    weighted: Configuration = {
        "services": [
            {"name": tasks_name(service.name), "weight": beside.rest},
            {"name": tasks_name(beside_name(service.name)), "weight": beside.weight},
        ],
        "healthCheck": {},
    }
    if beside.sticky:
        secure = bool(service.rules) and all(rule.https for rule in service.rules)
        weighted["sticky"] = {
            "cookie": {"name": _COOKIE, "httpOnly": True, "sameSite": "lax", "secure": secure}
        }
    return {"weighted": weighted}


def _load_balancer(transport: str, urls: Sequence[str]) -> Configuration:
    return {
        "loadBalancer": {
            "servers": [{"url": url} for url in urls],
            "passHostHeader": True,
            "serversTransport": transport,
            # Streams (no length, or server-sent events) are passed on at once whatever this says.
            "responseForwarding": {"flushInterval": "100ms"},
        }
    }


def _health_check(service: RoutedService) -> Configuration:
    check: Configuration = {
        "path": service.health.path,
        "interval": _HEALTH_INTERVAL,
        "timeout": f"{service.health.timeout:g}s",
        # A redirect counts as an answer (200 to 399) and may lead off the server.
        "followRedirects": False,
    }
    if service.rules:
        # Frameworks that check the Host header would refuse an address.
        check["hostname"] = checked_host(service.rules[0].host)
        if service.rules[0].https:
            check["headers"] = {"X-Forwarded-Proto": "https"}
    return check
