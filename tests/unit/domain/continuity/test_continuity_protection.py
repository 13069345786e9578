"""What the doctor says about backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from havre.domain.continuity.protection import Protected, Returnable, rebuild_verdict, verdict
from havre.domain.doctor import Level

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FRESH, OLD = NOW - timedelta(hours=9), NOW - timedelta(hours=51)


def said(*databases: Protected, has_storage: bool = True) -> tuple[Level, str, str]:
    found = verdict(databases, has_storage=has_storage, now=NOW)
    return found.level, found.seen, found.remedy


def test_without_a_database_there_is_nothing_to_say() -> None:
    assert said(has_storage=False)[0] is Level.OK
    assert said(Protected("shop/db", is_on=False), has_storage=False)[0] is Level.OK


def test_without_a_storage_it_is_loud() -> None:
    level, seen, remedy = said(Protected("shop/db", is_on=True, local=FRESH), has_storage=False)
    assert level is Level.WARNING
    assert seen.startswith("NO OFF-SITE STORAGE")
    assert remedy == "havre backup storage set"


def test_saved_in_both_places_is_good() -> None:
    level, seen, _ = said(Protected("shop/db", is_on=True, local=FRESH, offsite=FRESH, uses_storage=True))
    assert (level, seen) == (Level.OK, "saved here and off-site: shop/db")


def test_a_storage_that_nobody_uses_yet() -> None:
    level, seen, remedy = said(Protected("shop/db", is_on=True, local=FRESH))
    assert level is Level.WARNING
    assert "not used yet by shop/db" in seen
    assert "havre restart" in remedy


def test_an_old_copy_in_one_place_is_too_old() -> None:
    level, seen, remedy = said(Protected("shop/db", is_on=True, local=FRESH, offsite=OLD, uses_storage=True))
    assert level is Level.WARNING
    assert "shop/db: local 9 hours ago, off-site 51 hours ago" in seen
    assert remedy == "havre backup now"
    weekly = Protected("shop/db", True, FRESH, OLD, uses_storage=True, patience=timedelta(days=15))
    assert said(weekly)[0] is Level.OK, "more are not made"


def of_rebuild(*found: Returnable, has_storage: bool = True, is_kit_stored: bool = True) -> tuple[Level, str]:
    told = rebuild_verdict(found, has_storage=has_storage, is_kit_stored=is_kit_stored, now=NOW)
    assert told.level is Level.OK or told.remedy
    return told.level, told.seen


def test_a_server_can_be_rebuilt_when_all_is_saved_and_the_kit_is_stored() -> None:
    assert of_rebuild(Returnable("shop-production", FRESH))[0] is Level.OK
    assert of_rebuild(has_storage=False)[0] is Level.OK
    level, seen = of_rebuild(Returnable("shop-production", FRESH), is_kit_stored=False)
    assert (level, "KIT IS NOT STORED" in seen) == (Level.WARNING, True)
    level, seen = of_rebuild(Returnable("shop-production", FRESH), has_storage=False)
    assert (level, "NO OFF-SITE STORAGE" in seen) == (Level.WARNING, True)


def test_what_was_not_saved_for_two_days_is_named_with_the_cause() -> None:
    level, seen = of_rebuild(
        Returnable("shop-production", OLD, "the off-site storage refused the keys"), Returnable("new-staging")
    )
    assert level is Level.WARNING
    assert "shop-production: last 51 hours ago (the off-site storage refused the keys)" in seen
    assert "new-staging: never" in seen
