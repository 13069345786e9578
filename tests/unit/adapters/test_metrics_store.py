import os
import signal
import subprocess
import sys

import pytest

from havre.adapters.metrics import Store, bytes_of
from havre.adapters.metrics.store import MOST
from havre.domain.metrics.rollup import LEVELS, Bucket

NOW = 1_800_000_000.0  # a multiple of two hours
API = "environments/shop/production/api"


def seen(store, name, level, begin, end, owner="host"):  # noqa: PLR0917
    return store.buckets(owner, name, level, begin, end)


def test_values_are_read_back_in_every_level(tmp_path):
    store = Store(tmp_path)
    for second, value in ((0, 1.0), (10, 5.0), (70, 9.0)):
        store.write("host", NOW + second, {"cpu": value})
    assert seen(store, "cpu", LEVELS[0], NOW, NOW + 30) == [Bucket(1, 1, 1), Bucket(5, 5, 5), None]
    assert seen(store, "cpu", LEVELS[1], NOW, NOW + 180) == [Bucket(1, 3, 5), Bucket(9, 9, 9), None]
    assert seen(store, "cpu", LEVELS[2], NOW, NOW + 600) == [Bucket(1, 6, 9)]
    assert seen(store, "cpu", LEVELS[3], NOW, NOW + 7200) == [Bucket(1, 6, 9)]


def test_what_is_left_of_an_earlier_round_of_a_ring_is_a_gap(tmp_path):
    store = Store(tmp_path)
    day = LEVELS[0].span
    store.write("host", NOW, {"cpu": 1.0})
    store.write("host", NOW + day + 10, {"cpu": 2.0})
    assert seen(store, "cpu", LEVELS[0], NOW + day, NOW + day + 20) == [None, Bucket(2, 2, 2)]
    store.write("host", NOW + day, {"cpu": 3.0})
    assert seen(store, "cpu", LEVELS[0], NOW, NOW + 10) == [None]


def test_a_span_over_the_end_of_a_ring_is_whole(tmp_path):
    store = Store(tmp_path)
    level = LEVELS[0]
    turn = float((int(NOW // level.step) // level.rows + 1) * level.rows * level.step)
    for index in range(-3, 3):
        store.write("host", turn + index * level.step, {"cpu": float(index)})
    found = seen(store, "cpu", level, turn - 30, turn + 30)
    assert [bucket.mean for bucket in found] == [-3, -2, -1, 0, 1, 2]


def test_two_writes_of_one_time_add_up_and_more_than_one_sheet_is_used(tmp_path):
    store = Store(tmp_path)
    names = [f"s{index:02}" for index in range(25)]
    store.write(API, NOW, {name: float(index) for index, name in enumerate(names[:12])})
    store.write(API, NOW + 5, dict.fromkeys(names[11:], 100.0))
    means = [seen(store, name, LEVELS[0], NOW, NOW + 10, API)[0].mean for name in names]
    assert means == [*range(11), *[100.0] * 14]
    assert store.names(API) == tuple(names)
    assert store.owners() == (API,)


def test_the_size_is_known_in_advance(tmp_path):
    store = Store(tmp_path)
    assert store.write("host", NOW, {f"s{index:03}": 1.0 for index in range(MOST + 1)}) == (f"s{MOST:03}",)
    sheets = list((tmp_path / "host").glob("*.ring"))
    assert sum(path.stat().st_size for path in sheets) == bytes_of(MOST)
    assert bytes_of(10) < 5_000_000
    # What was not written takes no disk.
    assert sum(path.stat().st_blocks * 512 for path in sheets) < bytes_of(MOST) // 20


def test_charts_have_gaps_where_nothing_was_seen(tmp_path):
    store = Store(tmp_path)
    for second in (0, 10, 20, 60, 70):
        store.write("host", NOW + second, {"cpu": float(second)})
    points = store.chart("host", "cpu", NOW, NOW + 80, now=NOW + 80)
    assert [point.at - NOW for point in points] == list(range(0, 80, 10))
    assert [point.bucket.mean if point.bucket else None for point in points] == [
        0, 10, 20, None, None, None, 60, 70,
    ]  # fmt: skip
    assert all(point.bucket is None for point in store.chart("host", "other", NOW, NOW + 80, now=NOW + 80))
    assert all(point.bucket is None for point in store.chart("gone", "cpu", NOW, NOW + 80, now=NOW + 80))


def test_nan_is_a_gap(tmp_path):
    store = Store(tmp_path)
    store.write("host", NOW, {"cpu": float("nan")})
    assert seen(store, "cpu", LEVELS[0], NOW, NOW + 10) == [None]


@pytest.mark.parametrize("owner", ["../etc", "", "/etc", "a//b", "a/../b", "A", "a/.hidden"])
def test_an_owner_cannot_lead_out_of_the_store(tmp_path, owner):
    with pytest.raises(ValueError):
        Store(tmp_path).write(owner, NOW, {"cpu": 1.0})


def test_an_owner_is_forgotten_with_those_below(tmp_path):
    store = Store(tmp_path)
    store.write(API, NOW, {"cpu": 1.0})
    store.write("host", NOW, {"cpu": 1.0})
    store.forget("environments/shop")
    assert store.owners() == ("host",)


WRITER = """
import sys
from pathlib import Path
from havre.adapters.metrics import Store
store, second = Store(Path(sys.argv[1])), 0
while True:
    store.write("host", 1_800_000_000 + second, {f"s{index}": float(second) for index in range(12)})
    second += 10
    print(second, flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_rows(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) >= 900:
            os.kill(child.pid, signal.SIGKILL)
            break
    child.wait()
    child.stdout.close()
    store = Store(tmp_path)
    for name in ("s0", "s11"):
        found = seen(store, name, LEVELS[0], NOW, NOW + 900)
        assert [bucket.mean for bucket in found] == [float(each) for each in range(0, 900, 10)]
        assert seen(store, name, LEVELS[1], NOW, NOW + 60) == [Bucket(0, 25, 50)]
    store.write("host", NOW + 5000, {"s0": 1.0})
    assert seen(store, "s0", LEVELS[0], NOW + 5000, NOW + 5010) == [Bucket(1, 1, 1)]


def test_the_newest_values_are_at_most_a_minute_old(tmp_path):
    store = Store(tmp_path)
    store.write("host", NOW - 70, {"old": 1.0})
    store.write("host", NOW - 20, {f"s{index:02}": float(index) for index in range(12)})
    store.write("host", NOW - 10, {"s03": 30.0})
    found = store.newest("host", NOW)
    assert found == {f"s{index:02}": float(index) for index in range(12)} | {"s03": 30.0}
    assert store.newest("gone", NOW) == {}


def test_others_may_read_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        Store(tmp_path / "metrics").write(API, NOW, {"cpu": 1.0})
    finally:
        os.umask(before)
    for path in (tmp_path / "metrics", *(tmp_path / "metrics").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path
