from havre.adapters.swarm.stats import usage

# As Docker 26 answers with control groups of the second version; shortened.
SECOND = {
    "pids_stats": {"current": 11, "limit": 18446744073709551615},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"major": 8, "minor": 0, "op": "read", "value": 1000},
            {"major": 8, "minor": 0, "op": "write", "value": 400},
            {"major": 9, "minor": 0, "op": "read", "value": 24},
        ]
    },
    "cpu_stats": {
        "cpu_usage": {"total_usage": 2_500_000_000, "usage_in_kernelmode": 1},
        "throttling_data": {"periods": 3, "throttled_periods": 1, "throttled_time": 500_000_000},
    },
    "memory_stats": {
        "usage": 60_000_000,
        "stats": {"inactive_file": 20_000_000, "active_file": 5},
        "limit": 8_000_000_000,
    },
    "networks": {"eth0": {"rx_bytes": 7, "tx_bytes": 8}, "eth1": {"rx_bytes": 3, "tx_bytes": 2}},
}


def test_usage_of_the_second_version():
    found = usage(SECOND, total=16e9)
    assert (found.memory, found.limit, found.processes) == (40_000_000, 8_000_000_000, 11)
    assert found.counters == {
        "cpu": 2.5,
        "cpu_throttled": 0.5,
        "network_received_bytes": 10,
        "network_sent_bytes": 10,
        "disk_read_bytes": 1024,
        "disk_written_bytes": 400,
    }


def test_the_machines_memory_is_no_limit():
    assert usage(SECOND, total=8e9).limit == 0
    assert usage({"memory_stats": {"usage": 1, "limit": 9223372036854771712}}).limit == 0


def test_the_first_version_calls_the_cache_by_another_name():
    memory = {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}, "limit": 1000}
    blocks = {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "Total", "value": 5}]}
    found = usage({"memory_stats": memory, "blkio_stats": blocks, "networks": None})
    assert (found.memory, found.counters["disk_read_bytes"]) == (70, 5)


def test_one_that_ended_uses_nothing_that_can_be_told():
    assert usage({"memory_stats": {}, "cpu_stats": {}, "pids_stats": {}}) is None
    assert (
        usage({"memory_stats": {"usage": 1}, "blkio_stats": {"io_service_bytes_recursive": None}}).memory == 1
    )
