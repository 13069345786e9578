"""The ceiling of builds on a real engine: what its commands get, and what they are told."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from havre.adapters.cgroups import ceiling as cgroups
from havre.adapters.cgroups.place import Place
from havre.adapters.swarm import image_store
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain.build import BuildRequest
from havre.domain.ceiling import Ceiling
from havre.errors import BuildError
from havre.operations.build_ceiling import find_place
from havre.operations.builds import Asker, Builds
from integration.build_fixtures import BASE, engine, folder, host, make, platform

__all__ = ["engine", "host", "make", "platform"]  # fixtures

MIB = 1024**2


@pytest.fixture
def place(engine, host) -> Iterator[Place]:
    """Where this engine builds; without a ceiling again afterwards."""
    found = find_place(Config(docker_host=host), engine.info())
    yield found
    cgroups.apply(found, Ceiling(64.0, 1024**4))


def dockerfile(tmp_path, *commands: str) -> BuildRequest:
    runs = "".join(f"RUN : {uuid.uuid4()}; {command}\n" for command in commands)
    return BuildRequest(context=folder(tmp_path, {"Dockerfile": f"FROM {BASE}\n{runs}"}))


def test_a_build_gets_its_share_of_processors(make, place, tmp_path):
    spin = "timeout 2 sh -c 'while :; do :; done'"
    request = dockerfile(tmp_path, f"{spin} & {spin} & wait; times; cat /proc/self/cgroup")
    with cgroups.held(place, Ceiling(0.5, 1024 * MIB)) as held:
        _, lines = make(request)
    assert held.problems == []
    assert not held.killed
    # The fourth number of `times`' two lines: what the children took, user and system.
    spent = [float(m[1]) * 60 + float(m[2]) for line in lines for m in re.finditer(r"(\d+)m([\d.]+)s", line)]
    assert len(spent) == 4
    assert 0.0 < sum(spent) <= 0.5 * 2 + 0.3, "half a processor for two seconds"
    assert any(f":{place.groups.folders['cpu' if place.version == 1 else '']}/" in line for line in lines)


def test_builds_and_the_engines_work_for_them_keep_to_some_processors(make, place, tmp_path):
    everywhere = os.sched_getaffinity(place.engine)
    request = dockerfile(
        tmp_path, "echo on $(nproc); sed -n 's/^Cpus_allowed_list:/only/p' /proc/self/status"
    )
    with cgroups.held(place, Ceiling(1.0, 1024 * MIB)) as held:
        _, lines = make(request)
        threads = Path(f"/proc/{place.engine}/task").iterdir()
        during = {frozenset(os.sched_getaffinity(int(thread.name))) for thread in threads}
    assert held.problems == []
    last = max(everywhere)
    assert any("on 1" in line for line in lines), lines
    assert any(re.search(rf"only\s+{last}$", line) for line in lines), lines
    assert during == {frozenset({last})}
    assert os.sched_getaffinity(place.engine) == everywhere


def test_memory_above_the_ceiling_is_told_as_such(make, place, tmp_path):
    """Also where it is a command's child that the kernel ends, and the command goes on a while."""
    request = dockerfile(tmp_path, "(tail -c 300m /dev/zero | tail >/dev/null); sleep 1; exit 2")
    ceiling = Ceiling(2.0, 128 * MIB)
    with cgroups.held(place, ceiling) as held, pytest.raises(BuildError) as caught:
        make(request, memory=ceiling.memory, ran_out=lambda: held.killed)
    assert held.killed
    assert "ran out of memory" in caught.value.message
    assert "builds may take 128 MiB here" in caught.value.message
    assert "HAVRE_BUILD_MEMORY" in caught.value.hint


def test_without_reaching_it_a_failure_is_told_as_before(make, place, tmp_path):
    request = dockerfile(tmp_path, "exit 3")
    with cgroups.held(place, Ceiling(2.0, 512 * MIB)) as held, pytest.raises(BuildError, match="exit code 3"):
        make(request, memory=512 * MIB, ran_out=lambda: held.killed)


def test_a_full_disk_stops_a_build_before_it_begins(host, platform, tmp_path):
    lines: list[str] = []
    asker = Asker("test", lines.append, lines.append, lambda: None)
    config = Config(docker_host=host, build_reserve=10**17)
    # Without cache to give up: the rest of the tests wants it.
    with mock.patch.object(image_store, "prune_cache", return_value=0), pytest.raises(BuildError) as caught:
        Builds(config, Engine(host)).build(dockerfile(tmp_path, "true"), asker)
    assert "nearly full" in caught.value.message
    assert "HAVRE_BUILD_RESERVE" in caught.value.hint
    assert any("pruning the build cache" in line for line in lines)


def test_the_build_cache_is_held_below_its_ceiling(host, make, tmp_path):
    engine = Engine(host)
    make(dockerfile(tmp_path, "head -c 30000000 /dev/urandom >/file"))
    before = image_store.cache_size(engine)
    assert before > 0
    keep = before - 5_000_000
    assert image_store.prune_cache(engine, keep) >= 5_000_000
    assert image_store.cache_size(engine) <= keep
