"""Figures of databases and caches, as series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_REDIS_GAUGES: Final = {
    "connected_clients": "redis.clients",
    "blocked_clients": "redis.blocked_clients",
    "used_memory": "redis.memory",
    "maxmemory": "redis.memory_limit",
    "mem_fragmentation_ratio": "redis.fragmentation",
}
_REDIS_COUNTERS: Final = {
    "total_commands_processed": "redis.commands",
    "keyspace_hits": "redis.hits",
    "keyspace_misses": "redis.misses",
    "evicted_keys": "redis.evicted",
    "expired_keys": "redis.expired",
}


def of_postgres(figures: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Gauges and counters, from the figures that ``havre db stats`` shows (``adapters.postgres.figures``)."""
    connections, archive = figures["connections"], figures["archive"]
    gauges: dict[str, float] = {
        "postgres.size": figures["size"],
        "postgres.connections": connections["now"],
        "postgres.connections_share": connections["now"] / connections["most"],
        "postgres.active": connections["active"],
        "postgres.longest_transaction": (figures["longest_transaction"] or {}).get("seconds", 0.0),
    }
    if figures["cache_hit"] is not None:
        gauges["postgres.cache_hit_share"] = figures["cache_hit"]
    if archive["is_on"]:
        gauges["postgres.archive_waiting"] = archive["waiting"]
        gauges["postgres.archive_waiting_seconds"] = archive["waiting_seconds"]
    counters = {f"postgres.{name}": float(value) for name, value in figures["counts"].items()}
    return gauges, counters


def of_redis(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """Gauges and counters, from the answer to ``INFO`` (https://redis.io/docs/latest/commands/info/)."""
    told = dict(
        line.strip().split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#")
    )
    return (
        {name: float(told[key]) for key, name in _REDIS_GAUGES.items() if key in told},
        {name: float(told[key]) for key, name in _REDIS_COUNTERS.items() if key in told},
    )
