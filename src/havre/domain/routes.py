"""What is routed where, as plain values: hosts and paths, the tasks that answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from havre.domain.health import Health

DEFAULT_MAX_BODY = 100 * 1024 * 1024
"""Largest request body in bytes where the manifest says nothing."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """One host of a service.

    Attributes:
        host: lower-case DNS name, ASCII (punycode).
        paths: prefixes by whole segments: ``/api`` means ``/api`` and ``/api/…``, not ``/apis``.
        redirect_from: other hosts answered by a permanent redirect to ``host`` (``www.…``).
        https: served over HTTPS, and plain HTTP redirected to it; else HTTP only.
    """

    host: str
    paths: tuple[str, ...] = ("/",)
    redirect_from: tuple[str, ...] = ()
    https: bool = False


@dataclass(frozen=True, slots=True)
class RoutedService:
    """One service as the router needs it, at the release that serves now.

    Attributes:
        name: ``PROJECT-ENV-SERVICE``; unique on the server, names everything of it in the router.
        release: number of the release that the addresses belong to.
        port: TCP port on which the tasks listen.
        health: the check by which the router leaves out a task that stopped answering.
        rules: hosts and paths.
        addresses: addresses of the tasks on ``havre-edge``, without port.
        alias: DNS name of the service on ``havre-edge``, asked when no task answers its check.
        max_body: largest request body in bytes; 0 for no limit.
        alias_only: route by the alias alone, knowingly without addresses (and without the proof
            of the release, which the alias cannot give).
        beside: a second release that shares the requests, during a canary or a rolling update.
    """

    name: str
    release: int
    port: int
    health: Health
    rules: tuple[RouteRule, ...]
    addresses: tuple[str, ...]
    alias: str
    max_body: int = DEFAULT_MAX_BODY
    alias_only: bool = False
    beside: Beside | None = None

    def at(self, addresses: tuple[str, ...]) -> Self:
        """The same service with these task addresses."""
        return replace(self, addresses=addresses)


@dataclass(frozen=True, slots=True)
class Beside:
    """The share of another release in a service's requests.

    Attributes:
        service: the service at that release; only what its tasks need is read (addresses, port,
            health, release).
        weight, rest: how many requests it gets for how many that the other one gets.
        sticky: keep each browser at the side that it met first, by a cookie.
    """

    service: RoutedService
    weight: int
    rest: int
    sticky: bool = False


def combined(
    live: RoutedService, beside: RoutedService | None, weight: int | None, *, sticky: bool = False
) -> RoutedService:
    """One route for a service of which two releases run.

    A release without an address gets nothing. If none has one, the alias has to do: an empty list
    would find nothing, and addresses of tasks that are gone would be tried again and again.

    Args:
        live: at the live release; its hosts and paths are those of the route.
        beside: at the other release, if that has this service.
        weight: percent that the other one gets; None: as many as its tasks are of all.
        sticky: keep each browser at the side that it met first.
    """
    if beside is None or not beside.addresses or weight == 0:
        return replace(live, alias_only=not live.addresses)
    if not live.addresses or weight == 100:  # noqa: PLR2004 - percent
        return replace(
            live,
            release=beside.release,
            port=beside.port,
            health=beside.health,
            addresses=beside.addresses,
            max_body=beside.max_body,
        )
    shares = (len(beside.addresses), len(live.addresses)) if weight is None else (weight, 100 - weight)
    return replace(live, beside=Beside(beside, *shares, sticky=sticky))


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """One candidate task, to be asked through the router before users are sent to it.

    Attributes:
        token: names the temporary router; lower-case letters, digits and hyphens, unique.
        address: the task's address on ``havre-edge``.
        port: TCP port on which it listens.
        host: the Host header that the app gets, one of its own hosts, because many frameworks
            refuse others; empty: the probe's own.
        https: users come by HTTPS, so the app is told so and does not answer with a redirect.
    """

    token: str
    address: str
    port: int
    host: str = ""
    https: bool = False
