"""What installing and removing a server takes, by value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from havre.domain import installation
from havre.domain.installation import (
    Choices,
    Facts,
    Found,
    Kind,
    Plan,
    Present,
    Removal,
    Swarm,
    Wanted,
)

UNIT = Wanted(PurePosixPath("/etc/systemd/system/havre-web.service"), "[Unit]\n")
SETTINGS = Wanted(installation.SETTINGS, "domain = ''\n", mode=0o640, group="havre", keep=True)
FILES = (SETTINGS, UNIT)
FRESH = Facts("0.1.0", address="192.0.2.10")
PACKAGES = frozenset({*installation.PACKAGES, "docker.io"})
COMPLETE = replace(
    FRESH,
    installed=PACKAGES,
    accounts=frozenset({"root", "havre", "me"}),
    members=frozenset({"me"}),
    versions=frozenset({"0.1.0"}),
    current="0.1.0",
    files={
        installation.CURRENT: Found("/opt/havre/versions/0.1.0"),
        installation.COMMAND: Found("/opt/havre/current/bin/havre"),
        SETTINGS.path: Found("state = '/srv'\n", 0o640, "root", "havre"),
        UNIT.path: Found(UNIT.text),
    },
    engine=Swarm.MANAGER,
    is_running=True,
    is_set_up=True,
)


def plan(facts: Facts, choices: Choices | None = None, state: str = "/var/lib/havre") -> Plan:
    return installation.plan(
        choices or Choices("me"),
        facts,
        FILES,
        user="havre",
        units=("havre-worker.service", "havre-web.service"),
        state=PurePosixPath(state),
    )


def kinds(found: Plan) -> list[Kind]:
    return [action.kind for action in found.actions]


def test_a_fresh_debian_needs_everything_in_order() -> None:
    found = plan(replace(FRESH, accounts=frozenset({"root", "me"})))
    assert not found.problems
    assert kinds(found) == [
        Kind.PACKAGES,
        Kind.ACCOUNT,
        Kind.MEMBER,
        Kind.VERSION,
        Kind.LINK,
        Kind.LINK,
        Kind.ENGINE,
        Kind.SWARM,
        Kind.SETTINGS,
        Kind.FILE,
        Kind.SET_UP,
        Kind.START,
    ]
    assert "docker.io" in found.actions[0].names
    assert next(a for a in found.actions if a.kind is Kind.SWARM).names == ("192.0.2.10",)


def test_a_complete_server_needs_nothing() -> None:
    assert plan(COMPLETE).actions == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"members": frozenset()}, [Kind.MEMBER, Kind.SET_UP, Kind.START]),
        ({"engine": Swarm.NONE}, [Kind.SWARM, Kind.SET_UP, Kind.START]),
        ({"is_set_up": False}, [Kind.SET_UP, Kind.START]),
        ({"is_running": False, "is_set_up": False}, [Kind.SET_UP, Kind.START]),
        ({"is_running": False, "has_systemd": False}, []),
        ({"installed": PACKAGES - {"git"}}, [Kind.PACKAGES, Kind.SET_UP, Kind.START]),
    ],
)
def test_an_interrupted_installation_goes_on_with_the_rest(
    change: dict[str, object], expected: list[Kind]
) -> None:
    assert kinds(plan(replace(COMPLETE, **change))) == expected  # type: ignore[arg-type]


def test_a_server_that_was_stopped_is_started() -> None:
    assert kinds(plan(replace(COMPLETE, is_running=False))) == [Kind.START]
    assert kinds(plan(replace(COMPLETE, is_running=False), Choices("me", start=False))) == []


def test_an_engine_that_is_there_is_used_as_it_is() -> None:
    packages = plan(replace(FRESH, engine=Swarm.MANAGER, accounts=COMPLETE.accounts)).actions[0]
    assert "docker.io" not in packages.names


def test_debian_13_has_the_engines_client_apart() -> None:
    packages = plan(replace(FRESH, debian=13, accounts=COMPLETE.accounts)).actions[0]
    assert {"docker.io", "docker-cli", "docker-buildx"} <= set(packages.names)


@pytest.mark.parametrize(
    ("found", "must_write"),
    [
        (Found("[Unit]\n"), False),
        (Found("[Unit]\nchanged\n"), True),
        (Found("[Unit]\n", mode=0o666), True),
        (Found("[Unit]\n", owner="me"), True),
    ],
)
def test_havres_own_files_are_put_right(found: Found, must_write: bool) -> None:
    plan_ = plan(replace(COMPLETE, files={**COMPLETE.files, UNIT.path: found}))
    assert (Kind.FILE in kinds(plan_)) == must_write


def test_settings_are_the_administrators_but_not_their_access() -> None:
    opened = Found("state = '/srv'\n", 0o644, "root", "root")
    plan_ = plan(replace(COMPLETE, files={**COMPLETE.files, SETTINGS.path: opened}))
    assert kinds(plan_)[0] is Kind.SETTINGS
    kept = Found("anything else\n", 0o640, "root", "havre")
    assert not plan(replace(COMPLETE, files={**COMPLETE.files, SETTINGS.path: kept})).actions


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_root": False}, "only root"),
        ({"is_wheel": False}, "checkout"),
        ({"current": "0.0.9"}, "version 0.0.9 is installed"),
        ({"engine": Swarm.WORKER}, "worker of a Swarm"),
        ({"ports": ((80, "nginx"),)}, "port 80 is held by nginx"),
        ({"accounts": frozenset({"root"})}, "no account me"),
    ],
)
def test_what_forbids_it_is_told_with_its_remedy_and_nothing_is_planned(
    change: dict[str, object], words: str
) -> None:
    found = plan(replace(COMPLETE, **change))  # type: ignore[arg-type]
    assert found.actions == ()
    ((what, remedy),) = found.problems
    assert words in what
    assert remedy


@pytest.mark.parametrize("state", ["/tmp/havre", "/home/me/havre", "/var/tmp/x"])
def test_a_state_that_the_units_would_not_see_is_refused(state: str) -> None:
    assert "closed to the units" in plan(COMPLETE, state=state).problems[0][0]
    assert not plan(replace(COMPLETE, has_systemd=False), state=state).problems


def test_without_systemd_it_says_how_to_start() -> None:
    found = plan(replace(FRESH, has_systemd=False, accounts=COMPLETE.accounts))
    assert Kind.START not in kinds(found)
    assert any("havre serve" in note for note in found.notes)


PRESENT = Present(
    files=("/usr/local/bin/havre",),
    versions=True,
    kept=("/var/lib/havre", "/etc/havre"),
    has_account=True,
    is_running=True,
    services=3,
)


def removal(asked: Removal, present: Present = PRESENT) -> Plan:
    return installation.removal(asked, present, user="havre")


def test_uninstalling_keeps_data_and_applications_and_says_so() -> None:
    found = removal(Removal())
    assert [str(a) for a in found.actions] == [
        "stop web and worker",
        "remove /usr/local/bin/havre",
        "remove /opt/havre",
    ]
    told = " ".join(found.notes)
    for stays in (
        "/var/lib/havre stays",
        "/etc/havre stays",
        "account havre stays",
        "3 Swarm services go on",
    ):
        assert stays in told


def test_state_is_not_taken_from_under_a_running_router() -> None:
    for present in (PRESENT, replace(PRESENT, services=None)):
        found = removal(Removal(purge=True), present)
        assert found.actions == ()
        assert "--applications" in found.problems[0][1]
    assert removal(Removal(purge=True), replace(PRESENT, services=0)).actions


def test_everything_goes_when_everything_is_asked_for_and_the_program_last() -> None:
    found = removal(Removal(purge=True, applications=True))
    assert [a.kind for a in found.actions] == [
        Kind.STOP,
        Kind.APPLICATIONS,
        Kind.REMOVE,
        Kind.REMOVE,
        Kind.REMOVE,
        Kind.REMOVE_ACCOUNT,
        Kind.REMOVE,
    ]
    assert found.actions[-1].subject == "/opt/havre"
    assert found.notes == ("Docker, its Swarm and Debian's packages stay",)


def test_applications_are_not_removed_blindly() -> None:
    assert removal(Removal(applications=True), replace(PRESENT, services=None)).problems
    assert removal(Removal(), replace(PRESENT, is_root=False)).problems


def test_a_second_removal_has_nothing_to_do() -> None:
    assert removal(Removal(), Present()).actions == ()
