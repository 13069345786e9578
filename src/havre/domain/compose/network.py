"""Ports and domains of an app: one HTTP port behind the router."""

from __future__ import annotations

import re
from typing import Final

from havre.domain.compose.health import asked_url, convert_health, has_other_check
from havre.domain.compose.known import NOT_HTTP
from havre.domain.compose.state import Service, State
from havre.domain.compose.tree import Node
from havre.domain.compose.words import PublishedPort, port_of

_HTTPS: Final = frozenset({443, 8443})
_HOST: Final = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}"
_RULE: Final = re.compile(r"Host\(([^)]*)\)")
_WEB_SERVERS: Final = frozenset({"nginx", "httpd", "caddy"})


def convert_network(state: State, service: Service) -> None:
    """Fill in ``port``, ``domain`` and ``health`` or ``ready`` from ports, labels and the health check."""
    domains = _domains(state, service)
    main = _main_port(state, service)
    if main is not None:
        service.body["port"] = main
        service.body["health"] = "/"
    _ports(state, service, main, domains)
    convert_health(state, service, main)


# Ports


def _main_port(state: State, service: Service) -> int | None:
    """The port that the router is to use: what is published, exposed, labelled, set or asked for."""
    if service.image and any(word in service.image.repository for word in ("mysql", "mariadb", "mongo")):
        return None
    candidates: list[int] = []
    label = _label(service, r"traefik\.http\.services\.[^.]+\.loadbalancer\.server\.port")
    if label:
        candidates.append(int(label) if label.isdigit() else 0)
    for key in ("ports", "expose"):
        listed = service.node.get(key)
        for node in listed.items if listed else ():
            port = port_of(node)
            if port and port.protocol == "tcp" and not port.is_range:
                candidates.append(port.target)
    for name in ("VIRTUAL_PORT", "PORT", "HTTP_PORT", "SERVER_PORT"):
        entry = service.entry(name)
        if entry and entry.value and entry.value.isdigit():
            candidates.append(int(entry.value))
    last = service.image.repository.rpartition("/")[2] if service.image else ""
    if service.entry("VIRTUAL_HOST") or last in _WEB_SERVERS:
        candidates.append(80)
    checked, _ = asked_url(service) or (None, "")
    candidates += [checked or 0, *_asked_for(state, service)]
    if not has_other_check(service):  # a worker is often built by the Dockerfile of what listens
        candidates += _exposed_by_build(state, service)
    usable = [port for port in candidates if 0 < port < 65536 and port not in NOT_HTTP]  # noqa: PLR2004
    plain = [port for port in usable if port not in _HTTPS]
    return next(iter([*plain, *usable]), None)


def _asked_for(state: State, service: Service) -> list[int]:
    """Ports at which other services name this one: ``http://api:3000``."""
    hosts = "|".join(re.escape(host) for host in service.hosts)
    pattern = re.compile(rf"https?://(?:{hosts}):([0-9]{{2,5}})(?![0-9])")
    return [
        int(match[1])
        for other in state.apps
        for entry in other.entries
        for match in pattern.finditer(entry.value or "")
    ]


def _exposed_by_build(state: State, service: Service) -> list[int]:
    """Ports that the Dockerfile names by EXPOSE."""
    build = service.node.get("build")
    if build is None:
        return []
    context, dockerfile = build.get("context") if build.map else build, build.get("dockerfile")
    folder = context.text if context else "."
    text = state.source.read(f"{folder}/{dockerfile.text if dockerfile else 'Dockerfile'}") or ""
    found = re.findall(r"(?im)^\s*EXPOSE\s+(.+)$", text)
    return [int(p) for line in found for p in re.findall(r"(?<![\w$])([0-9]{2,5})(?:/tcp)?(?![\w/])", line)]


def _ports(state: State, service: Service, main: int | None, domains: list[str]) -> None:
    ledger, is_public = state.ledger, False
    for key in ("ports", "expose"):
        listed = service.node.get(key)
        if listed is not None and not listed.items:
            ledger.dropped(listed, "it says nothing")
        told = False
        for node in listed.items if listed else ():
            port = port_of(node)
            if port is None:
                ledger.dropped(
                    node, "it is no port that Havre understands", "write port: and domain: by hand"
                )
            elif port.target == main and port.protocol == "tcp" and not port.is_range and not told:
                told = True
                if key == "expose" or port.is_local:
                    _inner_port(state, service, node, port)
                else:
                    is_public = True
                    ledger.changed(
                        node,
                        f"{service.target}.port, {service.target}.domain",
                        f"the router leads to port {main}, by a domain on ports 80 and 443"
                        + (f", not by {port.published}" if port.published else ""),
                    )
            else:
                _other_port(state, node, port, main, is_expose=key == "expose")
    if main is not None and (domains or is_public):
        _write_domain(state, service, domains)


def _inner_port(state: State, service: Service, node: Node, port: PublishedPort) -> None:
    if port.is_local:
        reason = "only the server itself was to reach it: the service gets no domain, so nobody outside does"
        state.ledger.changed(node, f"{service.target}.port", reason, "add domain: if users are to reach it")
    else:
        state.ledger.carried(node, f"{service.target}.port")


def _other_port(state: State, node: Node, port: PublishedPort, main: int | None, *, is_expose: bool) -> None:
    reach = "services of the environment reach it by the service's name"
    if is_expose or (port.target == main and port.protocol == "tcp"):
        state.ledger.dropped(node, reach)
    elif port.protocol != "tcp" or port.target in NOT_HTTP:
        state.ledger.dropped(
            node, f"the router speaks HTTP only; {reach}", "publish it outside of Havre, by an SSH tunnel"
        )
    elif port.target in _HTTPS:
        state.ledger.dropped(node, "the router does HTTPS, with a certificate for the domain")
    elif port.is_range:
        state.ledger.dropped(node, f"a service has one port behind the router; {reach}")
    else:
        state.ledger.dropped(
            node, f"a service has one port behind the router; {reach}", "make a second service for this port"
        )


# Domains


def _domains(state: State, service: Service) -> list[str]:
    """Hosts that labels of Traefik or variables of nginx-proxy name."""
    ledger, hosts = state.ledger, []
    for place in (service.node.get("labels"), service.node.get("deploy", "labels")):
        for key, value, node in _labels(place):
            found = [
                host
                for rule in _RULE.findall(value)
                for host in re.findall(_HOST, rule.lower())
                if key.endswith(".rule")
            ]
            if found:
                hosts += found
                ledger.changed(
                    node, f"{service.target}.domain", "the host of the rule; other parts of it are not kept"
                )
            elif re.search(r"loadbalancer\.server\.port$", key):
                ledger.changed(node, f"{service.target}.port", "the router knows the port by the manifest")
            elif key.startswith("traefik."):
                ledger.dropped(
                    node, "Havre writes the router's configuration itself", "see domains: in havre.yaml"
                )
            else:
                ledger.dropped(node, "Havre labels what it starts itself")
        if place is not None and not place.items and not place.map:
            ledger.dropped(place, "it says nothing")
    entry = service.entry("VIRTUAL_HOST")
    if entry and entry.value:
        hosts += re.findall(_HOST, entry.value.lower())
    return [host for host in dict.fromkeys(hosts) if host not in state.domains]


def _labels(place: Node | None) -> list[tuple[str, str, Node]]:
    if place is None:
        return []
    if place.map:
        return [(key, node.text, node) for key, node in place.map.items()]
    return [(*_split(node.text), node) for node in place.items]


def _split(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _label(service: Service, pattern: str) -> str:
    for place in (service.node.get("labels"), service.node.get("deploy", "labels")):
        for key, value, _ in _labels(place):
            if re.fullmatch(pattern, key):
                return value
    return ""


def _write_domain(state: State, service: Service, domains: list[str]) -> None:
    if domains:
        state.domains.update(domains)
        if len(domains) == 1:
            service.body["domain"] = domains[0]
        else:
            service.body["domains"] = [{"host": host} for host in domains]
        return
    host = state.base_domain
    if host in state.domains:
        host = f"{service.name}.{host}"
    state.domains.add(host)
    service.body["domain"] = host
    service.notes.append("domain: a Compose file names none; write the one that users are to type")
