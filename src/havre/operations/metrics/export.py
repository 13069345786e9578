"""Send the newest figures of the store by OTLP."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from havre.adapters.metrics import Store
from havre.adapters.otlp import Point, Receiver
from havre.config import Config
from havre.domain.metrics.exposition import exposed
from havre.errors import UsageError


def receiver(config: Config) -> Receiver:
    """Where the settings say that figures go.

    Raises:
        UsageError: the file of headers cannot be read, or is none.
        HavreError: the extra is not installed.
    """
    return Receiver(config.otlp_endpoint, headers=headers(config), resource=resource(config))


def headers(config: Config) -> dict[str, str]:
    """What is sent with each request.

    Raises:
        UsageError: the file of headers cannot be read, or is none.
    """
    return _headers(config.otlp_headers) if config.otlp_headers else {}


def resource(config: Config) -> dict[str, str]:
    """What tells this server from others."""
    return {"service.name": "havre", "host.name": config.domain or socket.gethostname()}


def send(config: Config, to: Receiver) -> int:
    """Send the newest figures of all owners; how many there were.

    Raises:
        HavreError: they were not taken.
    """
    store, now, points = Store(config.paths.metrics), time.time(), []
    for owner in store.owners():
        for series, value in store.newest(owner, now).items():
            each = exposed(owner, series)
            points.append(Point(each.name, value, each.labels))
    if points:
        to.send(points, now)
    return len(points)


def _headers(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"otlp_headers: {path} cannot be read: {type(error).__name__}") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip() and value.strip()):
            raise UsageError(f"otlp_headers: line {number} of {path} is no `NAME: VALUE`")
        if line.strip():
            found[name.strip().lower()] = value.strip()
    return found
