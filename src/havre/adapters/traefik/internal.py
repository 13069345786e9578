"""Dynamic configuration of the internal entry point: metrics, and one temporary router per probe.

Containers on the shared network can reach that entry point too, so each router on it lets only the
worker's own address through.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from havre.adapters.traefik.parts import Configuration
from havre.adapters.traefik.rules import checked_host, checked_name, host_rule
from havre.adapters.traefik.servers import server_url
from havre.adapters.traefik.static import INTERNAL
from havre.domain.routes import ProbeTarget

PROBE_DOMAIN = "probe.havre.internal"
PROBE_HEADER = "X-Havre-Probe"
"""Response header of probe routers; Traefik's own 404 (router not loaded yet) does not carry it."""

_LOOPBACK = "127.0.0.1"


def probe_host(token: str) -> str:
    """The host by which a probe's router is asked."""
    return f"{checked_name(token)}.{PROBE_DOMAIN}"


def base_configuration(allowed: Sequence[str]) -> Configuration:
    """Metrics for the worker.

    ``ping`` is routed by Traefik itself (see :func:`~havre.adapters.traefik.static_arguments`).

    Args:
        allowed: addresses that may ask: the gateway of the bridge, from which the worker comes.

    Raises:
        ValueError: an address is not one.
    """
    return {
        "http": {
            "routers": {
                "havre-metrics": {
                    "entryPoints": [INTERNAL],
                    "rule": "Path(`/metrics`)",
                    "priority": 1000,
                    "service": "prometheus@internal",
                    "middlewares": ["havre-internal"],
                },
            },
            "middlewares": {"havre-internal": {"ipAllowList": {"sourceRange": _ranges(allowed)}}},
        }
    }


def certificates_configuration(
    pairs: Sequence[tuple[str, str]], default: tuple[str, str] | None
) -> Configuration:
    """Certificates for those who ask for one of their names, and the one served to all others.

    Args:
        pairs: paths of certificate and key as Traefik sees them.
        default: the pair where no other matches; None: Traefik's own.
    """
    tls: Configuration = {}
    if pairs:
        tls["certificates"] = [{"certFile": certificate, "keyFile": key} for certificate, key in pairs]
    if default:
        certificate, key = default
        tls["stores"] = {"default": {"defaultCertificate": {"certFile": certificate, "keyFile": key}}}
    return {"tls": tls} if tls else {}


def probe_configuration(targets: Sequence[ProbeTarget], allowed: Sequence[str]) -> Configuration:
    """One temporary router per candidate task, by its token as the host name.

    Args:
        targets: the tasks to be asked; tokens unique on the server.
        allowed: addresses that may ask, as for :func:`base_configuration`.

    Raises:
        ValueError: a token, host or address is not one.
    """
    if not targets:
        return {}
    http: dict[str, dict[str, Any]] = {
        "routers": {},
        "middlewares": {"probe-allow": {"ipAllowList": {"sourceRange": _ranges(allowed)}}},
        "services": {},
        "serversTransports": {
            "probe": {"forwardingTimeouts": {"dialTimeout": "1s", "idleConnTimeout": "1s"}}
        },
    }
    for target in targets:
        name = f"probe-{checked_name(target.token)}"
        http["routers"][name] = {
            "entryPoints": [INTERNAL],
            "rule": host_rule(probe_host(target.token)),
            "priority": 2000,  # above metrics: an app's own /metrics may be what is probed
            "service": name,
            "middlewares": ["probe-allow", name],
        }
        http["middlewares"][name] = {
            "headers": {
                "customResponseHeaders": {PROBE_HEADER: target.token},
                **({"customRequestHeaders": asked} if (asked := _request_headers(target)) else {}),
            }
        }
        http["services"][name] = {
            "loadBalancer": {
                "servers": [{"url": server_url(target.address, target.port)}],
                "passHostHeader": True,
                "serversTransport": "probe",
            }
        }
    return {"http": http}


def _request_headers(target: ProbeTarget) -> dict[str, str]:
    headers = {}
    if target.host:
        headers["Host"] = checked_host(target.host)
    if target.https:
        headers["X-Forwarded-Proto"] = "https"
    return headers


def _ranges(allowed: Sequence[str]) -> list[str]:
    return sorted({str(ipaddress.ip_network(address)) for address in (*allowed, _LOOPBACK)})
