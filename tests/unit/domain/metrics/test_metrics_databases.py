from havre.domain.metrics.databases import of_postgres, of_redis

FIGURES = {
    "size": 8_000_000,
    "connections": {"now": 12, "active": 2, "idle_in_transaction": 0, "most": 96},
    "cache_hit": None,
    "counts": {"commits": 10, "rollbacks": 1, "deadlocks": 0, "temporary_bytes": 0},
    "longest_transaction": None,
    "archive": {"is_on": True, "waiting": 3, "waiting_seconds": 42.0, "failures": 0, "last_seconds": 1},
}
INFO = "# Clients\r\nconnected_clients:3\r\nkeyspace_hits:7\r\nused_memory:1024\r\nredis_version:8.0\r\n"


def test_a_database_as_series():
    gauges, counters = of_postgres(FIGURES)
    assert gauges["postgres.connections_share"] == 0.125
    assert gauges["postgres.longest_transaction"] == 0
    assert gauges["postgres.archive_waiting_seconds"] == 42
    assert "postgres.cache_hit_share" not in gauges
    assert counters["postgres.commits"] == 10


def test_a_cache_as_series():
    assert of_redis(INFO) == ({"redis.clients": 3, "redis.memory": 1024}, {"redis.hits": 7})
    assert of_redis("") == ({}, {})
