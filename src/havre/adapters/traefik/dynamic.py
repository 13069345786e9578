"""Traefik's dynamic configuration of routed services, as plain dictionaries.

What is done about each thing, found out with Traefik 3.7 and shown by ``tests/integration``:

Which release answered
    ``X-Havre-Release`` is set by a middleware *of the load balancer of the task addresses*, not of
    the router: an answer that came by the fallback does not carry it, and an app cannot forge it.
    Traefik's own 502 of that load balancer does carry it, so look at the status too.

Security headers
    Traefik's headers middleware replaces what the app sent. So it sets what has one right value
    (``nosniff``), what is the business of who ends TLS (HSTS, on HTTPS only) and ``SAMEORIGIN``,
    which an app refines by ``Content-Security-Policy: frame-ancestors`` (browsers then ignore
    ``X-Frame-Options``). No ``Referrer-Policy``: the default of browsers is the one we would choose,
    and an app's stricter ``no-referrer`` would be lost.

Body limit
    Traefik's ``buffering`` middleware is its only limit, and it reads the whole request *and the
    whole response* before passing them on. So ordinary requests do not meet it:

    * a ``Content-Length`` above the limit goes to a router of its own, where 413 is answered before
      the body is read;
    * a ``Content-Length`` within it passes without it: uploads, downloads, streams, WebSocket;
    * POST, PUT and PATCH without ``Content-Length`` (chunked, or none in HTTP/2) are buffered, up to
      1 MiB in memory and then in Traefik's temporary folder, 413 above the limit. Their answers
      arrive in one piece. Excepted are upgrades, gRPC and requests that accept
      ``text/event-stream``: they stream, unlimited.

    It guards against accidents. An app that must be sure counts for itself.

Retry
    Traefik asks another server only while nothing of the request was written to the first: a
    refused or timed-out connection. A POST that was sent is never sent again.

    A task that ends, or dies, takes with it what was just sent to it: the router closes no
    connection first, and a moment passes until its check or the worker has seen the end. What only
    reads (GET, HEAD, OPTIONS) is therefore sent once more when the answer is 502 or 504 within 4 s. The
    router cannot tell its own from the app's, so an app that means it is asked twice. Of 12,000 GETs at
    a pair of tasks of which one was stopped 12 times and left at once, 8 failed without it, 0 with it.

    Each change of any file makes Traefik forget which addresses do not answer, and ends the checks of
    requests that are under way. So what only reads goes to the alias at once when an address let it
    wait (504): with a change every 0.8 s and one of two addresses dead, 62 of 498 GETs failed
    without it, and 0 of 511 with it; of one address 498 of 498, and 0 of 495.

Streamed answers to a POST
    Over HTTP/1.1, Go's server discards what is unread of a request as soon as its answer begins,
    and Traefik's transport may then fail at reading the end of the body and cut the answer off:
    17 of 600 streamed answers were lost on a busy machine. So bodies of declared length are read
    into memory first, up to 64 KiB (0 of 600 lost); beyond that they stream as they come.
    Traefik does this where ``retry`` has a status to retry on, so it gets one that cannot occur.

Compression
    By list of content types: text compresses, images and archives do not, and
    ``text/event-stream`` must not wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from havre.adapters.traefik import parts
from havre.adapters.traefik.parts import Configuration
from havre.adapters.traefik.rules import checked_host, checked_name, host_rule, number_above, path_rule
from havre.adapters.traefik.servers import middlewares_of, read_name, servers
from havre.adapters.traefik.static import WEB, WEBSECURE
from havre.domain.router_proof import HEADER
from havre.domain.routes import RoutedService, RouteRule

_MEMORY_PER_BODY = 1024 * 1024
_READS = "(Method(`GET`) || Method(`HEAD`) || Method(`OPTIONS`))"
_DECLARED_LENGTH = "HeaderRegexp(`Content-Length`, `[1-9]`)"
_UNKNOWN_LENGTH = (
    "(Method(`POST`) || Method(`PUT`) || Method(`PATCH`))"
    " && !HeaderRegexp(`Content-Length`, `.`)"
    " && !HeaderRegexp(`Upgrade`, `.`)"
    " && !HeaderRegexp(`Accept`, `(?i)text/event-stream`)"
    " && !HeaderRegexp(`Content-Type`, `(?i)^application/grpc`)"
)


def routes_configuration(
    services: Sequence[RoutedService], *, public_ports: tuple[int, int] = parts.STANDARD_PORTS, acme: bool
) -> Configuration:
    """The routes of these services, for one file.

    Args:
        services: what is routed; names, hosts and paths must be unique on the server.
        public_ports: HTTP and HTTPS port as users see them, for redirects.
        acme: whether certificates are asked for by ACME; else Traefik's default certificate serves.

    Raises:
        ValueError: a service has no address and is not ``alias_only`` (the caller keeps what was
            published last), or a name, host, path or address is not one.
    """
    http: Configuration = {"routers": {}, "middlewares": {}, "services": {}, "serversTransports": {}}
    for service in services:
        name = checked_name(service.name)
        http["middlewares"] |= _middlewares(service)
        http["services"] |= servers(service)
        http["serversTransports"][name] = parts.transport()
        for number, rule in enumerate(service.rules):
            added = _rule(f"{name}-{number}", service, rule, public_ports=public_ports, acme=acme)
            for kind, values in added.items():
                http[kind] |= values
    return _without_empty(http)


def api_configuration(
    domain: str,
    url: str,
    *,
    proof: str = "",
    public_ports: tuple[int, int] = parts.STANDARD_PORTS,
    acme: bool = False,
) -> Configuration:
    """The route of Havre's own API and panel: HTTPS on ``domain`` to ``url`` of the web process.

    ``proof`` is the value of the header by which the web process knows the router.

    Raises:
        ValueError: ``domain`` is not a DNS name.
    """
    rule = host_rule(domain)
    proven = {"customRequestHeaders": {HEADER: proof}} if proof else {}
    headers, compress, retry, to_https = (
        f"havre-api-{kind}" for kind in ("headers", "compress", "retry", "to-https")
    )
    return {
        "http": {
            "routers": {
                "havre-api": {
                    "entryPoints": [WEBSECURE],
                    "rule": rule,
                    "service": "havre-api",
                    "middlewares": [headers, compress, retry],
                    "tls": parts.tls_of(acme=acme),
                },
                "havre-api-http": {
                    "entryPoints": [WEB],
                    "rule": rule,
                    "service": "noop@internal",
                    "middlewares": [to_https],
                },
            },
            "middlewares": {
                headers: {"headers": {**parts.security_headers(https=True), **proven}},
                compress: {"compress": parts.compress()},
                retry: {"retry": parts.retry_read_first()},
                to_https: {"redirectScheme": parts.to_https(public_ports)},
            },
            "services": {
                "havre-api": {
                    "loadBalancer": {
                        "servers": [{"url": url}],
                        "passHostHeader": True,
                        "serversTransport": "havre-api",
                    }
                }
            },
            "serversTransports": {"havre-api": parts.transport()},
        }
    }


def _middlewares(service: RoutedService) -> Configuration:
    name = service.name
    made: Configuration = {
        f"{name}-headers": {"headers": parts.security_headers(https=False)},
        f"{name}-headers-tls": {"headers": parts.security_headers(https=True)},
        f"{name}-compress": {"compress": parts.compress()},
        f"{name}-read-again": {"retry": parts.read_again()},
        f"{name}-retry": {"retry": parts.retry()},
        f"{name}-retry-read-first": {"retry": parts.retry_read_first()},
        **middlewares_of(service),
    }
    if service.max_body:
        made[f"{name}-limit"] = {
            "buffering": {"maxRequestBodyBytes": service.max_body, "memRequestBodyBytes": _MEMORY_PER_BODY}
        }
    return made


def _rule(
    name: str, service: RoutedService, rule: RouteRule, *, public_ports: tuple[int, int], acme: bool
) -> dict[str, Configuration]:
    """The routers and middlewares of one host."""
    routers: Configuration = {}
    middlewares: Configuration = {}
    entry_point = WEBSECURE if rule.https else WEB
    tls = {"tls": parts.tls_of(acme=acme)} if rule.https else {}
    for number, path in enumerate(rule.paths):
        routers |= {
            f"{key}": {"entryPoints": [entry_point], "service": service.name, **router, **tls}
            for key, router in _routers_of_path(f"{name}-{number}", service, rule, path).items()
        }
    if rule.https:
        to_https = f"{name}-to-https"
        middlewares[to_https] = {"redirectScheme": parts.to_https(public_ports)}
        routers[to_https] = _redirect_router(WEB, host_rule(rule.host), to_https)
    if rule.redirect_from:
        to_host = f"{name}-to-host"
        middlewares[to_host] = {
            "redirectRegex": {
                "regex": "^https?://[^/?]+(.*)$",
                "replacement": f"{_origin(rule, public_ports)}${{1}}",
                "permanent": True,
            }
        }
        for number, host in enumerate(rule.redirect_from):
            routers[f"{to_host}-{number}"] = _redirect_router(WEB, host_rule(host), to_host)
            if rule.https:
                secure = _redirect_router(WEBSECURE, host_rule(host), to_host) | {
                    "tls": parts.tls_of(acme=acme)
                }
                routers[f"{to_host}-{number}-tls"] = secure
    return {"routers": routers, "middlewares": middlewares}


def _routers_of_path(name: str, service: RoutedService, rule: RouteRule, path: str) -> Configuration:
    """A router for each way to treat a request's body (see the module's docstring)."""
    base = path_rule(rule.host, path)
    before = [f"{service.name}-headers{'-tls' if rule.https else ''}", f"{service.name}-compress"]
    limit, retry = f"{service.name}-limit", f"{service.name}-retry"
    # Explicit, because by default the longest text wins: deeper paths come first, and of one path
    # the special cases before the plain router.
    priority = 1000 + 10 * len(path)
    routers: Configuration = {
        name: {"rule": base, "priority": priority, "middlewares": [*before, retry]},
        f"{name}-read": {
            "rule": f"{base} && {_READS}",
            "service": read_name(service.name),
            "priority": priority + 1,
            "middlewares": [*before, f"{service.name}-read-again", retry],
        },
        f"{name}-declared": {
            "rule": f"{base} && {_DECLARED_LENGTH}",
            "priority": priority + 2,
            "middlewares": [*before, f"{retry}-read-first"],
        },
    }
    if service.max_body:
        above = f"HeaderRegexp(`Content-Length`, `{number_above(service.max_body)}`)"
        limited = [*before, limit, retry]
        routers[f"{name}-unknown-length"] = {
            "rule": f"{base} && {_UNKNOWN_LENGTH}",
            "priority": priority + 3,
            "middlewares": limited,
        }
        routers[f"{name}-too-large"] = {
            "rule": f"{base} && {above}",
            "priority": priority + 4,
            "middlewares": limited,
        }
    return routers


def _redirect_router(entry_point: str, rule: str, middleware: str) -> Configuration:
    return {
        "entryPoints": [entry_point],
        "rule": rule,
        "priority": 1000,
        "service": "noop@internal",
        "middlewares": [middleware],
    }


def _origin(rule: RouteRule, public_ports: tuple[int, int]) -> str:
    scheme, port, standard = ("http", public_ports[0], 80)
    if rule.https:
        scheme, port, standard = ("https", public_ports[1], 443)
    return f"{scheme}://{checked_host(rule.host)}" + ("" if port == standard else f":{port}")


def _without_empty(http: Configuration) -> Configuration:
    """Traefik refuses an empty table ("cannot be a standalone element")."""
    filled = {kind: values for kind, values in http.items() if values}
    return {"http": filled} if filled else {}
