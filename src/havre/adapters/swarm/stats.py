"""What a container uses, from ``GET /containers/ID/stats``.

Format: https://docs.docker.com/reference/api/engine/ (ContainerStats, for the first and the second version of
control groups).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NANO: Final = 1e-9
_UNLIMITED: Final = 1 << 60
"""What the first version of control groups calls no limit is larger."""


@dataclass(frozen=True)
class Usage:
    """Of one container.

    Attributes:
        memory: bytes in use, without what is only cached, as ``docker stats`` has it.
        limit: most memory in bytes; 0 without a limit of its own.
        processes: threads and processes.
        counters: seconds of processors (``cpu``) and for which they were withheld (``cpu_throttled``),
            and bytes, since the container started; by the name that their rate has.
    """

    memory: float
    limit: float
    processes: float
    counters: Mapping[str, float]


def usage(document: Mapping[str, Any], *, total: float = 0.0) -> Usage | None:
    """From the engine's document; None of a container that does not run.

    Args:
        document: of the engine.
        total: memory of the machine, which the engine tells as the limit where there is none.
    """
    memory = document.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details, cpu = memory.get("stats") or {}, document.get("cpu_stats") or {}
    cached = details.get("total_inactive_file", details.get("inactive_file", 0))
    limit = memory.get("limit", 0)
    networks = (document.get("networks") or {}).values()
    read, written = _blocks(document.get("blkio_stats") or {})
    return Usage(
        memory=max(0, memory["usage"] - cached),
        limit=0 if limit >= _UNLIMITED or (total and limit >= total) else limit,
        processes=(document.get("pids_stats") or {}).get("current", 0),
        counters={
            "cpu": (cpu.get("cpu_usage") or {}).get("total_usage", 0) * _NANO,
            "cpu_throttled": (cpu.get("throttling_data") or {}).get("throttled_time", 0) * _NANO,
            "network_received_bytes": sum(each.get("rx_bytes", 0) for each in networks),
            "network_sent_bytes": sum(each.get("tx_bytes", 0) for each in networks),
            "disk_read_bytes": read,
            "disk_written_bytes": written,
        },
    )


def _blocks(stats: Mapping[str, Any]) -> tuple[float, float]:
    found = {"read": 0.0, "write": 0.0}
    for entry in stats.get("io_service_bytes_recursive") or ():
        operation = str(entry.get("op", "")).lower()
        if operation in found:
            found[operation] += entry.get("value", 0)
    return found["read"], found["write"]
