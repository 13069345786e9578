"""The audit as a user asks for it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import Any

from support.server import Server


def orphans(server: Server, environment: str = "") -> list[dict[str, Any]]:
    """What ``havre doctor`` calls an orphan, of one environment (``PROJECT-NAME``) or of all."""
    told = json.loads(server.cli("doctor", "--json", check=False).stdout)
    (verdict,) = [row for row in told if row["check"] == "Orphans"]
    assert verdict["level"] != "skipped", verdict
    return [item for item in verdict["items"] if environment in {"", item["environment"]}]


def lasting_orphans(
    server: Server, environment: str = "", *, but: Collection[str] = (), patience: float = 60.0
) -> list[dict[str, Any]]:
    """The orphans that stay, but of some environments.

    The engine shows a removed network until its last container has left.
    """
    deadline = time.monotonic() + patience
    while True:
        found = [item for item in orphans(server, environment) if item["environment"] not in but]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(1.0)
