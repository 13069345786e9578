"""Control groups as plain folders: what is written where, for both versions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from havre.adapters.cgroups.ceiling import apply, held
from havre.adapters.cgroups.place import Place, find
from havre.domain.ceiling import Ceiling, build_groups
from havre.errors import EngineError

GIB = 1024**3
V2_FILES = ("cpu.max", "cpu.weight", "cpu.idle", "memory.max", "memory.events")


def group(folder: Path, names: tuple[str, ...] = V2_FILES) -> Path:
    """A folder with the files that the kernel would make."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("cgroup.procs", "cgroup.subtree_control", *names):
        (folder / name).touch()
    return folder


def systemd(root: Path) -> Place:
    own = {"": "/system.slice/docker.service"}
    return Place(root, 2, build_groups(driver="systemd", version=2, parent="", own=own))


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_group_of_builds_own_is_set_once(tmp_path):
    group(tmp_path)
    group(tmp_path / "docker")
    builds = group(tmp_path / "docker/buildkit")
    place = Place(tmp_path, 2, build_groups(driver="cgroupfs", version=2, parent="", own={}))
    apply(place, Ceiling(1.0, GIB))
    assert (builds / "cpu.max").read_text() == "100000 100000"
    assert (builds / "memory.max").read_text() == str(GIB)
    assert "+io" in (tmp_path / "docker/cgroup.subtree_control").read_text()


def test_builds_keep_to_processors_of_their_own(tmp_path):
    group(tmp_path)
    group(tmp_path / "docker", (*V2_FILES, "cpuset.cpus.effective"))
    (tmp_path / "docker/cpuset.cpus.effective").write_text("0-3\n")
    builds = group(tmp_path / "docker/buildkit", (*V2_FILES, "cpuset.cpus"))
    place = Place(tmp_path, 2, build_groups(driver="cgroupfs", version=2, parent="", own={}))
    apply(place, Ceiling(2.0, GIB))
    assert (builds / "cpuset.cpus").read_text() == "2,3"
    assert (builds / "cpu.max").read_text() == "max 100000"


def test_a_new_group_of_v1_gets_the_processors_of_the_one_above_first(tmp_path):
    lists = ("cpuset.cpus", "cpuset.mems")
    for controller in ("cpu", "memory", "blkio"):
        files = ("cpu.cfs_period_us", "cpu.cfs_quota_us", "memory.limit_in_bytes")
        group(tmp_path / controller)
        group(tmp_path / controller / "docker/buildkit", files)
    root = group(tmp_path / "cpuset", lists)
    above, builds = group(root / "docker", lists), group(root / "docker/buildkit", lists)
    (root / "cpuset.cpus").write_text("0-1\n")
    (root / "cpuset.mems").write_text("0\n")
    place = Place(tmp_path, 1, build_groups(driver="cgroupfs", version=1, parent="", own={}))
    apply(place, Ceiling(1.0, GIB))
    assert (above / "cpuset.cpus").read_text() == "0-1\n"
    assert (builds / "cpuset.mems").read_text() == "0\n"
    assert (builds / "cpuset.cpus").read_text().startswith("1")
    assert (tmp_path / "cpu/docker/buildkit/cpu.cfs_quota_us").read_text() == "-1"


def test_what_the_kernel_does_not_offer_is_told_and_nothing_is_made(tmp_path):
    group(tmp_path)
    group(tmp_path / "docker")
    builds = group(tmp_path / "docker/buildkit", ("cpu.max",))
    place = Place(tmp_path, 2, build_groups(driver="cgroupfs", version=2, parent="", own={}))
    with pytest.raises(EngineError, match=r"memory\.max does not take"):
        apply(place, Ceiling(1.0, GIB))
    assert not (builds / "memory.max").exists()
    with held(place, Ceiling(1.0, GIB)) as seen:
        assert len(seen.problems) == 1


def test_each_groups_part_follows_how_many_there_are(tmp_path):
    first = group(tmp_path / "system.slice/system.slice:docker:one")
    other = group(tmp_path / "system.slice/ssh.service")
    with held(systemd(tmp_path), Ceiling(2.0, GIB)) as seen:
        until(lambda: (first / "memory.max").read_text() == str(GIB))
        second = group(tmp_path / "system.slice/system.slice:docker:two")
        until(lambda: (second / "memory.max").read_text() == str(GIB // 2))
        until(lambda: (first / "cpu.max").read_text() == "100000 100000")
    assert seen.problems == []
    assert not seen.killed
    assert (other / "cpu.max").read_text() == ""


def test_a_kill_for_memory_is_seen(tmp_path):
    first = group(tmp_path / "system.slice/system.slice:docker:one")
    with held(systemd(tmp_path), Ceiling(2.0, GIB)) as seen:
        (first / "memory.events").write_text("oom 1\noom_kill 1\n")
        until(lambda: seen.killed)


def test_an_engine_elsewhere_has_no_place_here(tmp_path):
    with pytest.raises(EngineError, match="socket of this machine"):
        find("tcp://192.0.2.1:2376", driver="cgroupfs", version=2)
    with pytest.raises(EngineError, match="does not answer"):
        find(f"unix://{tmp_path}/none.sock", driver="cgroupfs", version=2)
