"""Where Havre's API is: a unix socket on the server itself, or HTTPS with a token."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from havre.errors import UsageError


@dataclass(frozen=True)
class Connection:
    """How to reach the API.

    ``url`` is empty for a unix socket; ``token`` is never shown. ``ca`` is a PEM file that replaces
    the system's certificate authorities.
    """

    socket: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    ca: Path | None = None

    @property
    def local(self) -> bool:
        """Whether this is the server's own socket: its caller may name folders of this machine."""
        return not self.url

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return self.url or f"the socket {self.socket}"


def choose(
    *,
    url: str,
    socket: Path | None,
    ca: Path | None,
    environ: Mapping[str, str],
    default_socket: Path,
    remembered: Callable[[], Connection | None] = lambda: None,
) -> Connection:
    """The connection that options and environment ask for.

    Options win over the environment; an address wins over a socket; without either it is the
    socket of this server, and where there is none, what ``havre login`` remembers.

    Args:
        url: ``--url``; empty if not given.
        socket: ``--socket``.
        ca: ``--ca``.
        environ: read for ``HAVRE_URL``, ``HAVRE_TOKEN`` and ``HAVRE_SOCKET``.
        default_socket: where this server's socket is.
        remembered: gives the connection of ``havre login``, asked only where this server has no socket and
            nothing else is named.

    Raises:
        UsageError: the address is not one, has no token, or would send the token in clear.
    """
    token = environ.get("HAVRE_TOKEN", "").strip()
    if not url and socket is None:
        url = environ.get("HAVRE_URL", "").strip()
    if not url:
        named = environ.get("HAVRE_SOCKET", "").strip()
        if socket is None and not named and not default_socket.exists() and (kept := remembered()):
            return kept
        return Connection(socket=socket or (Path(named) if named else default_socket))
    return connection_to(url, token, ca)


def connection_to(url: str, token: str, ca: Path | None) -> Connection:
    """A connection by address and token.

    Raises:
        UsageError: the address is not one, there is no token, or it would be sent in clear.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            f"{url!r} is not an address of Havre", hint="write it like https://havre.example.org"
        )
    if parts.username or parts.password:
        raise UsageError(
            "the address of Havre holds a name or a password", hint="give the token by HAVRE_TOKEN instead"
        )
    if not token:
        raise UsageError(
            f"there is no token for {url}",
            hint="make one on the server by `havre tokens create NAME`, and give it to `havre login`",
        )
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise UsageError(
            f"{url} would send the token unencrypted",
            hint=f"use https://{parts.netloc}, or an SSH tunnel to a port of this machine",
        )
    return Connection(url=url.rstrip("/"), token=token, ca=ca)


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
