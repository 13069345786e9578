"""Looking at the certificates with which the hosts of an environment are served now."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from havre.adapters.certificates.served import served
from havre.config import config
from havre.manifest import EnvironmentSpec
from havre.operations.certificates import hosts_of
from havre.records import queries

_PATIENCE: Final = 2.0  # seconds for a connection on this machine
_AT_ONCE: Final = 8
_ROUTER: Final = "127.0.0.1"


def certificates(project: str, environment: str) -> list[dict[str, Any]]:
    """A row for each host, as :class:`~havre.domain.served_certificates.Served`; times are ISO 8601."""
    row = queries.environment_named(project, environment)
    release = row.current_release
    hosts = sorted(hosts_of(EnvironmentSpec.model_validate(release.spec))) if release else []
    port = config().https_port

    def look(host: str) -> dict[str, Any]:
        found = served(host, address=_ROUTER, port=port, timeout=_PATIENCE)
        return {
            "host": host,
            "names": list(found.names),
            "begins": found.begins.isoformat() if found.begins else None,
            "ends": found.ends.isoformat() if found.ends else None,
            "issuer": found.issuer,
            "is_trusted": found.is_trusted,
            "problem": found.problem,
        }

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="certificate") as pool:
        return list(pool.map(look, hosts))
