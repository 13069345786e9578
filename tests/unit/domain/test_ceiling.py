from __future__ import annotations

from pathlib import PurePosixPath as P

import pytest

from havre.domain.ceiling import (
    BuildGroups,
    Ceiling,
    build_groups,
    chosen,
    groups_of,
    oom_kills,
    own_processors,
    parent_option,
    processors,
    writes,
)

GIB = 1024**3


def test_half_of_the_server_unless_said_otherwise():
    assert chosen(cpus=0, memory=0, cores=4, total=8 * GIB) == Ceiling(2.0, 4 * GIB)
    assert chosen(cpus=3, memory=GIB, cores=4, total=8 * GIB) == Ceiling(3.0, GIB)
    assert chosen(cpus=0, memory=0, cores=1, total=GIB) == Ceiling(0.5, GIB // 2)


def test_never_more_than_there_is_nor_too_little_to_run():
    assert chosen(cpus=64, memory=64 * GIB, cores=2, total=4 * GIB) == Ceiling(2.0, 4 * GIB)
    assert chosen(cpus=0.001, memory=1, cores=2, total=4 * GIB) == Ceiling(0.1, GIB // 4)


def test_the_ceiling_in_words():
    assert str(Ceiling(1.0, 6 * GIB)) == "1 processor and 6 GiB of memory"
    assert str(Ceiling(0.5, GIB // 2)) == "0.5 processors and 512 MiB of memory"


@pytest.mark.parametrize(
    ("parent", "folder"), [("", "/docker/buildkit"), ("/a/b", "/a/b/buildkit"), ("a", "/a/buildkit")]
)
def test_cgroupfs_has_one_group_above_all_builds(parent, folder):
    first = build_groups(driver="cgroupfs", version=1, parent=parent, own={"cpu": "/x"})
    assert first == BuildGroups(dict.fromkeys(("cpu", "cpuset", "memory", "blkio"), P(folder)))
    second = build_groups(driver="cgroupfs", version=2, parent=parent, own={"": "/x"})
    assert second == BuildGroups({"": P(folder)})
    assert first.is_own
    assert second.is_own


def test_systemd_has_a_group_for_each_run_beside_others():
    own = {
        "cpu": "/system.slice/docker.service",
        "memory": "/",
        "blkio": "/",
        "": "/system.slice/docker.service",
    }
    second = build_groups(driver="systemd", version=2, parent="", own=own)
    assert second == BuildGroups({"": P("/system.slice")}, "system.slice:docker:")
    assert not second.is_own
    first = build_groups(driver="systemd", version=1, parent="apps.slice", own=own)
    assert first.folders["cpu"] == P("/system.slice/docker.service")
    assert first.folders["memory"] == P("/")
    assert first.prefix == "apps.slice:docker:"


def test_several_groups_share_the_ceiling():
    whole = Ceiling(3.0, 6 * GIB)
    assert whole.part(3) == Ceiling(1.0, 2 * GIB)
    assert whole.part(0) == whole


def test_what_is_written_with_v1():
    found = {f"{w.controller}/{w.file}": w.value for w in writes(Ceiling(1.5, GIB), 1) if w.vital}
    assert found == {
        "cpu/cpu.cfs_period_us": "100000",
        "cpu/cpu.cfs_quota_us": "150000",
        "memory/memory.limit_in_bytes": str(GIB),
    }


def test_what_is_written_with_v2():
    found = {w.file: w.value for w in writes(Ceiling(0.5, GIB), 2)}
    assert found["cpu.max"] == "50000 100000"
    assert found["memory.max"] == str(GIB)
    assert found["cpu.idle"] == "1"
    assert {w.file for w in writes(Ceiling(0.5, GIB), 2) if w.vital} == {"cpu.max", "memory.max"}
    assert {w.controller for w in writes(Ceiling(0.5, GIB), 2)} == {""}


def test_no_time_is_counted_out_where_the_processors_are_the_ceiling():
    def quota(cpus: float, kept_to: int) -> str:
        return next(w.value for w in writes(Ceiling(cpus, GIB), 2, kept_to=kept_to) if w.file == "cpu.max")

    assert quota(2.0, 2) == "max 100000"
    assert quota(1.5, 2) == "150000 100000"
    assert quota(2.0, 0) == "200000 100000"
    first = {w.file: w.value for w in writes(Ceiling(1.0, GIB), 1, kept_to=1)}
    assert first["cpu.cfs_quota_us"] == "-1"


@pytest.mark.parametrize(
    ("text", "numbers"), [("0-3\n", (0, 1, 2, 3)), ("0-1,5", (0, 1, 5)), ("7", (7,)), ("\n", ())]
)
def test_a_kernels_list_of_processors(text, numbers):
    assert processors(text) == numbers


def test_builds_keep_to_the_last_processors():
    assert own_processors(Ceiling(2.0, GIB), (0, 1, 2, 3)) == (2, 3)
    assert own_processors(Ceiling(1.5, GIB), (0, 1, 2, 3)) == (2, 3)
    assert own_processors(Ceiling(0.5, GIB), (4,)) == (4,)
    assert own_processors(Ceiling(64.0, GIB), (0, 1)) == (0, 1)


def test_kills_for_memory_are_counted():
    assert oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") == 3
    assert oom_kills("low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n") == 1
    assert oom_kills("") == 0


def test_groups_of_a_process():
    text = "9:name=systemd:/x\n3:cpu,cpuacct:/a:b\n0::/system.slice/docker.service\n"
    assert groups_of(text) == {
        "name=systemd": "/x",
        "cpu": "/a:b",
        "cpuacct": "/a:b",
        "": "/system.slice/docker.service",
    }


def test_the_engines_own_option():
    assert parent_option(["dockerd", "--cgroup-parent=/a", "-H", "x"]) == "/a"
    assert parent_option(["dockerd", "--cgroup-parent", "/a"]) == "/a"
    assert parent_option(["dockerd", "--cgroup-parent"]) is None
    assert parent_option(["dockerd"]) is None
