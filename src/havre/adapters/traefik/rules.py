"""Routing rules of Traefik v3, built from checked parts only.

Syntax: https://doc.traefik.io/traefik/reference/routing-configuration/http/routing/rules-and-priority/
"""

from __future__ import annotations

import re

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def checked_name(name: str) -> str:
    """A name for routers and services; ``@`` or a dot would make it refer to something else.

    Raises:
        ValueError: it is not lower-case letters, digits and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name for a router: {name!r}")
    return name


_LONGEST_HOST = 253  # RFC 1035


def checked_host(name: str) -> str:
    """A DNS name that may stand in a rule.

    Raises:
        ValueError: it is not a lower-case ASCII DNS name; a backtick could rewrite the rule.
    """
    if len(name) > _LONGEST_HOST or not _HOST.fullmatch(name):
        raise ValueError(f"not a host name: {name!r}")
    return name


def host_rule(host: str) -> str:
    """Requests for a host, whatever the port."""
    return f"Host(`{checked_host(host)}`)"


def path_rule(host: str, path: str) -> str:
    """Requests for a host at or below a path, by whole segments.

    Raises:
        ValueError: the host or the path holds what cannot be in one.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path: {path!r}")
    stem = path.rstrip("/")
    if not stem:
        return host_rule(host)
    return f"{host_rule(host)} && (Path(`{stem}`) || PathPrefix(`{stem}/`))"


def number_above(limit: int) -> str:
    """A regular expression that matches the decimal numbers greater than ``limit``, and no others.

    Traefik's rules compare no numbers. A number is greater if it has more digits, or shares the
    first digits and is greater in the next one.
    """
    digits = str(limit)
    longer = f"[1-9][0-9]{{{len(digits)},}}"
    same_length = [
        f"{digits[:at]}[{int(digit) + 1}-9][0-9]{{{len(digits) - at - 1}}}"
        for at, digit in enumerate(digits)
        if digit != "9"
    ]
    return f"^0*({'|'.join([longer, *same_length])})$"
