"""How long copies are kept, and by whose policy."""

from __future__ import annotations

from datetime import UTC, datetime

from havre.domain.continuity.retention import Retention, by_policy, longest

SHOP, STAGING = Retention(30, 9, 12), Retention(7)


def test_what_restic_is_told() -> None:
    assert SHOP.arguments == ("--keep-last=2", "--keep-daily=30", "--keep-weekly=9", "--keep-monthly=12")
    assert STAGING.arguments == ("--keep-last=2", "--keep-daily=7")
    assert str(SHOP) == "30 days, 9 weeks, 12 months"


def test_each_environment_keeps_its_own_as_long_as_it_wants() -> None:
    policies = {"shop-production": SHOP, "shop-production-eu": STAGING, "shop-staging": STAGING}
    tags = [
        "images:shop-production",
        "images:shop-production-eu",
        "volume:shop-production-uploads",
        "volume:shop-production-eu-uploads",
        "dump:shop-staging/db",
        "volume:destroyed-production-uploads",
        "state",
        "state",
        "replaced:shop-production-uploads",
    ]
    assert by_policy(tags, policies) == {
        SHOP: (
            "images:shop-production",
            "state",
            "volume:destroyed-production-uploads",
            "volume:shop-production-uploads",
        ),
        STAGING: ("dump:shop-staging/db", "images:shop-production-eu", "volume:shop-production-eu-uploads"),
    }


def test_what_is_of_none_is_kept_as_long_as_any_of_them_keeps() -> None:
    assert longest([Retention(7, 9, 0), Retention(30, 0, 12)]) == Retention(30, 9, 12)
    assert by_policy(["state"], {}) == {Retention(): ("state",)}


def test_a_copy_is_gone_when_the_longest_of_its_periods_is_over() -> None:
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    assert Retention(daily=7).kept_until(moment) == datetime(2026, 12, 7, tzinfo=UTC)
    assert Retention(daily=7, weekly=4).kept_until(moment) == datetime(2026, 12, 28, tzinfo=UTC)
    assert Retention(daily=30, weekly=4, monthly=6).kept_until(moment) > datetime(2027, 5, 30, tzinfo=UTC)
