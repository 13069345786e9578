"""What is an orphan, and what is not, by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from havre.domain import audit
from havre.domain.audit import Kind, Owner, Records, Thing, orphans
from havre.domain.doctor import Level

SHOP = Owner(
    "shop-production",
    is_live=True,
    needed={
        Kind.SERVICE: frozenset({"shop-production-api-r2", "shop-production-api-r1", "shop-production-db"}),
        Kind.SECRET: frozenset({"shop-production-db-password-v1"}),
        Kind.NETWORK: frozenset({"shop-production"}),
        Kind.VOLUME: frozenset({"shop-production-db"}),
        Kind.ROUTE: frozenset({"shop-production"}),
    },
    serving=frozenset({"shop-production-api-r2", "shop-production-db"}),
)
RECORDS = Records((SHOP,))
GONE = replace(SHOP, is_live=False, needed={}, serving=frozenset())


def thing(kind: Kind, name: str, environment: str = "shop-production", **more: int) -> Thing:
    return Thing(kind, name, environment, **more)


NEEDED = [
    thing(Kind.SERVICE, "shop-production-api-r2", running=2),
    thing(Kind.SERVICE, "shop-production-api-r1"),
    thing(Kind.SERVICE, "shop-production-db", running=1),
    thing(Kind.SECRET, "shop-production-db-password-v1"),
    thing(Kind.NETWORK, "shop-production"),
    thing(Kind.VOLUME, "shop-production-db"),
    thing(Kind.ROUTE, "shop-production"),
    Thing(Kind.SERVICE, "havre-router", running=1),
    Thing(Kind.NETWORK, "havre-edge"),
]
LEFT = [
    thing(Kind.SERVICE, "shop-production-api-r3", running=1),
    thing(Kind.SECRET, "shop-production-db-password-v2"),
    thing(Kind.VOLUME, "shop-production-old"),
    thing(Kind.JOB, "shop-production-api-r3-release"),
    thing(Kind.CONTAINER, "build"),
    thing(Kind.NETWORK, "havre-drill-7", operation=7),
    Thing(Kind.FOLDER, "/var/lib/havre/sources/7", operation=7),
    Thing(Kind.DRAFT, "release 3 of shop-production", operation=7),
]


@pytest.mark.parametrize("needed", NEEDED, ids=lambda t: f"{t.kind}-{t.name}")
def test_what_a_live_or_kept_release_names_is_needed(needed: Thing) -> None:
    assert orphans([needed], RECORDS) == ()


@pytest.mark.parametrize("left", LEFT, ids=lambda t: f"{t.kind}-{t.name}")
def test_what_nothing_names_is_an_orphan(left: Thing) -> None:
    assert [orphan.thing for orphan in orphans([left], RECORDS)] == [left]


@pytest.mark.parametrize("each", [*NEEDED[:7], *LEFT[:5]], ids=lambda t: f"{t.kind}-{t.name}")
def test_nothing_of_an_environment_with_an_operation_is_an_orphan(each: Thing) -> None:
    assert orphans([each], replace(RECORDS, busy=frozenset({"shop-production"}))) == ()
    assert orphans([each], Records(busy=frozenset({"shop-production"}))) == ()


def test_what_an_operation_made_lives_as_long_as_it() -> None:
    folder = Thing(Kind.FOLDER, "/sources/7", operation=7)
    assert orphans([folder], Records(operations=frozenset({7}))) == ()
    assert orphans([folder], Records(operations=frozenset({8})))
    scratch = Thing(Kind.FOLDER, "/builds/havre-build-x")
    assert orphans([scratch], Records(operations=frozenset({8}))) == ()
    assert orphans([scratch], Records())


def test_a_volume_that_an_operation_had_for_itself_holds_nothing_that_is_not_saved() -> None:
    volume = thing(Kind.VOLUME, "havre-drill-7-shop-production-data", operation=7)
    assert orphans([volume], replace(RECORDS, operations=frozenset({7}))) == ()
    for records in (RECORDS, Records((GONE,)), Records()):
        (orphan,) = orphans([volume], records)
        assert not orphan.holds_data


@pytest.mark.parametrize("each", NEEDED[:7], ids=lambda t: f"{t.kind}-{t.name}")
def test_without_its_environment_everything_is_an_orphan(each: Thing) -> None:
    (orphan,) = orphans([each], Records())
    assert orphan.why == "there is no environment shop-production"
    assert orphan.holds_data == (each.kind is Kind.VOLUME)


def test_volumes_that_a_destroyed_environment_kept_are_no_orphans() -> None:
    records = Records((GONE,))
    assert [o.thing.kind for o in orphans(NEEDED, records)] == [
        Kind.ROUTE, Kind.SERVICE, Kind.SERVICE, Kind.SERVICE, Kind.SECRET, Kind.NETWORK,
    ]  # fmt: skip


def test_a_kept_release_that_runs_is_stopped_not_removed() -> None:
    (orphan,) = orphans([thing(Kind.SERVICE, "shop-production-api-r1", running=2)], RECORDS)
    assert orphan.stop
    assert orphan.shown()["cleaning"] == "stop"


def test_services_go_before_what_they_use() -> None:
    kinds = [orphan.thing.kind for orphan in orphans(reversed(NEEDED[:7]), Records())]
    assert kinds.index(Kind.SERVICE) < kinds.index(Kind.SECRET) < kinds.index(Kind.NETWORK)


def test_every_kind_has_a_rule() -> None:
    assert set(audit._RULES) == set(Kind)


def test_the_verdict_names_them_and_the_remedy() -> None:
    assert audit.verdict(()).level is Level.OK
    found = orphans([*LEFT, *NEEDED[:2]], Records())
    told = audit.verdict(found)
    assert told.level is Level.WARNING
    assert told.remedy == "havre doctor --clean"
    assert "5 more" in told.seen
    assert len(told.items) == len(found) == 10
    volumes = orphans([LEFT[2]], Records())
    assert "docker volume rm" in audit.verdict(volumes).remedy
