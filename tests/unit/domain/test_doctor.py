from __future__ import annotations

import pytest

from havre.domain import doctor
from havre.domain.doctor import KeyFile, Level, Listener

GIB = 1024**3
OK, WARNING, FAILED, SKIPPED = Level.OK, Level.WARNING, Level.FAILED, Level.SKIPPED


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("20.10.24+dfsg1", OK),
        ("26.1.5+dfsg1", OK),
        ("29.0.1", OK),
        ("20.9.1", FAILED),
        ("19.03.15", FAILED),
        ("1.13.1", FAILED),
        ("30.0.0", WARNING),
        ("dev", WARNING),
        ("", WARNING),
    ],
)
def test_engine_versions(version: str, level: Level) -> None:
    assert doctor.engine_version(version, "unix:///x").level is level


def test_an_engine_that_does_not_answer_has_the_fitting_remedy() -> None:
    usual = "unix:///var/run/docker.sock"
    assert "systemctl start" in doctor.engine_missing(usual, "no such file or directory").remedy
    assert "as root" in doctor.engine_missing(usual, "permission denied").remedy
    assert "HAVRE_DOCKER_HOST" in doctor.engine_missing("tcp://10.0.0.9:2376", "connection refused").remedy


@pytest.mark.parametrize(
    ("state", "is_manager", "level", "remedy"),
    [
        ("active", True, OK, ""),
        ("active", False, FAILED, "docker node promote"),
        ("inactive", False, FAILED, "docker swarm init --advertise-addr 203.0.113.7"),
        ("locked", False, FAILED, "docker swarm unlock"),
        ("pending", False, FAILED, "wait"),
        ("error", False, FAILED, "journalctl"),
    ],
)
def test_swarm_states(state: str, is_manager: bool, level: Level, remedy: str) -> None:
    verdict = doctor.swarm(state, is_manager=is_manager, nodes=1, error="", address="203.0.113.7")
    assert verdict.level is level
    assert remedy in verdict.remedy


def test_the_remedy_without_an_address_says_what_to_fill_in() -> None:
    verdict = doctor.swarm("inactive", is_manager=False, nodes=None, error="", address="")
    assert verdict.remedy.endswith("ADDRESS-OF-THIS-SERVER")


@pytest.mark.parametrize(
    ("listeners", "router", "level", "seen"),
    [
        ([], [], OK, "free"),
        ([], None, OK, "free"),
        ([Listener(8080, "nginx", 7)], [], OK, "free"),
        ([Listener(80, "nginx", 7)], [], FAILED, "nginx (pid 7)"),
        ([Listener(80, "nginx", 7)], [443], FAILED, "nginx (pid 7)"),
        ([Listener(80, "docker-proxy", 7)], [80, 443], OK, "Havre's router"),
        ([], [80], OK, "Havre's router"),
        ([Listener(80, "docker-proxy", 7)], [], FAILED, "docker-proxy"),
        ([Listener(80, "docker-proxy", 7)], None, SKIPPED, "only the engine could say"),
        ([Listener(80)], [], WARNING, "may not see"),
    ],
)
def test_ports(listeners: list[Listener], router: list[int] | None, level: Level, seen: str) -> None:
    verdict = doctor.port(80, listeners, router)
    assert verdict.level is level
    assert seen in verdict.seen
    assert bool(verdict.remedy) is (level in {FAILED, WARNING})


@pytest.mark.parametrize(
    ("total", "free", "level"),
    [
        (100 * GIB, 15 * GIB, OK),
        (100 * GIB, 15 * GIB - 1, WARNING),
        (100 * GIB, 5 * GIB, WARNING),
        (100 * GIB, 5 * GIB - 1, FAILED),
        (10 * GIB, 2 * GIB, OK),
        (10 * GIB, 2 * GIB - 1, FAILED),
        (0, 0, FAILED),
    ],
)
def test_disk(total: int, free: int, level: Level) -> None:
    assert doctor.disk("Havre", "/", total=total, free=free).level is level


@pytest.mark.parametrize(
    ("total", "free", "level"),
    [(1000, 150, OK), (1000, 149, WARNING), (1000, 50, WARNING), (1000, 49, FAILED), (0, 0, SKIPPED)],
)
def test_inodes(total: int, free: int, level: Level) -> None:
    assert doctor.inodes("Havre", "/", total=total, free=free).level is level


@pytest.mark.parametrize(
    ("total", "available", "swap", "used", "level"),
    [
        (8 * GIB, 4 * GIB, 0, 0, OK),
        (2 * GIB, 1 * GIB, 0, 0, WARNING),
        (2 * GIB, 1 * GIB, 2 * GIB, 0, OK),
        (8 * GIB, GIB // 2, 2 * GIB, 0, WARNING),
        (8 * GIB, 4 * GIB, 2 * GIB, 3 * GIB // 2, WARNING),
        (GIB // 2, GIB // 4, 2 * GIB, 0, WARNING),
    ],
)
def test_memory(total: int, available: int, swap: int, used: int, level: Level) -> None:
    assert doctor.memory(total=total, available=available, swap_total=swap, swap_used=used).level is level


@pytest.mark.parametrize(
    ("synchronised", "skew", "level"),
    [
        (True, 0.1, OK),
        (True, None, OK),
        (True, -3.0, WARNING),
        (True, 61.0, FAILED),
        (True, -61.0, FAILED),
        (False, 0.1, WARNING),
        (False, 61.0, FAILED),
        (None, 0.1, SKIPPED),
    ],
)
def test_clock(synchronised: bool | None, skew: float | None, level: Level) -> None:
    assert doctor.clock(synchronised=synchronised, skew=skew).level is level
    doubted = doctor.clock(synchronised=synchronised, skew=skew, doubt="the date went forward by 42 days")
    assert doubted.level is (FAILED if level is FAILED else WARNING)
    assert "42 days" in doubted.seen


def test_authorities() -> None:
    assert doctor.authorities(extra=[], proxy="", unreadable=[]).seen == "no extra authority, no proxy set"
    found = doctor.authorities(extra=["a.crt", "b.crt"], proxy="http://proxy:3128", unreadable=[])
    assert (found.level, "2 extra authorities" in found.seen, "http://proxy:3128" in found.seen) == (
        OK,
        True,
        True,
    )
    assert doctor.authorities(extra=["a.crt"], proxy="", unreadable=["a.crt"]).level is FAILED
    assert "ca-certificates" in doctor.authorities(extra=[], proxy="http://proxy", unreadable=[]).remedy


def test_tools() -> None:
    assert doctor.git("").level is FAILED
    assert doctor.git("2.39.5").level is OK
    assert doctor.build_client(path="/usr/bin/docker", version="20.10", problem="", hint="").level is OK
    missing = doctor.build_client(path="", version="", problem="none can build", hint="install it")
    assert (missing.level, missing.seen, missing.remedy) == (FAILED, "none can build", "install it")


@pytest.mark.parametrize(
    ("status", "seen", "told", "level", "words"),
    [
        (200, 2.0, "ok", OK, "alive"),
        (503, 95.0, "the worker gives no sign of life", FAILED, "last seen 95 s ago"),
        (503, None, "the worker gives no sign of life", FAILED, "never seen"),
        (503, None, "the database does not answer", FAILED, "database"),
        (500, None, "", FAILED, "status 500"),
        (None, None, "not running here", WARNING, "not running here"),
    ],
)
def test_havre(status: int | None, seen: float | None, told: str, level: Level, words: str) -> None:
    verdict = doctor.havre(status, worker_seen=seen, told=told, hint="start it")
    assert verdict.level is level
    assert words in verdict.seen
    assert bool(verdict.remedy) is (level is not OK)


@pytest.mark.parametrize(
    ("files", "level"),
    [
        ([KeyFile("k", 0o600)], OK),
        ([KeyFile("k", 0o400)], OK),
        ([KeyFile("k", 0o640)], FAILED),
        ([KeyFile("k", 0o604)], FAILED),
        ([KeyFile("k", 0o640, 0o640)], OK),
        ([KeyFile("k", 0o644, 0o640)], FAILED),
        ([KeyFile("k", None)], SKIPPED),
        ([], SKIPPED),
    ],
)
def test_keys(files: list[KeyFile], level: Level) -> None:
    verdict = doctor.keys(files, unreadable=False)
    assert verdict.level is level
    if level is FAILED:
        assert f"chmod {files[0].allowed:o} k" in verdict.remedy


def test_keys_that_one_may_not_look_at_are_as_they_should_be() -> None:
    assert doctor.keys((), unreadable=True).level is SKIPPED


def test_erased_persons_who_are_back_are_told_without_their_names() -> None:
    assert doctor.erased_persons({}).level is Level.OK
    found = doctor.erased_persons({"club-production": 2, "club-staging": 1})
    assert found.level is Level.WARNING
    assert "2 in club-production, 1 in club-staging" in found.seen
    assert found.remedy == "havre privacy erase --again"
