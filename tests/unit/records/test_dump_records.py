"""Dumps in the records: which is meant, and which still hold somebody's data."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from havre.domain.continuity.dumping import Contents, Made
from havre.domain.continuity.repositories import Repository
from havre.errors import UsageError
from havre.records import dumps, queries
from havre.records.models import Dump, Environment

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def shop() -> Environment:
    """Dumped twice, each here and elsewhere."""
    environment = queries.ensure_environment("shop", "production", source="x")
    for number, hours in ((1, 30), (2, 6)):
        operation = queries.enqueue("dump", environment, {"service": None}, actor="scheduler")
        for repository in Repository:
            snapshot = f"{number}{repository}".ljust(64, "0")
            made = Made(1000 * number, Contents(2, 50))
            at = NOW - timedelta(hours=hours)
            what = {"snapshot": snapshot, "stored": 1, "made": made, "started_at": at}
            dumps.record(environment, operation, "db", repository, **what)  # type: ignore[arg-type]
            Dump.objects.filter(snapshot=snapshot).update(stopped_at=at)
    return environment


def test_the_newest_is_taken_here_unless_another_one_is_named(shop: Environment) -> None:
    assert dumps.find(shop, "db", "latest", None).snapshot.startswith("2local")
    assert dumps.find(shop, "db", "latest", Repository.OFFSITE).snapshot.startswith("2offsite")
    assert dumps.find(shop, "db", "1off", None).size == 1000
    assert dumps.before(shop, "db") == Made(2000, Contents(2, 50))
    for service, wanted in (("db", "9"), ("other", "latest")):
        with pytest.raises(UsageError, match="no such dump"):
            dumps.find(shop, service, wanted, None)


def test_who_is_erased_is_in_the_dumps_of_before(shop: Environment) -> None:
    until = NOW + timedelta(days=30)
    held = dumps.holding(shop, "db", Repository.OFFSITE, NOW - timedelta(hours=12), until=until)
    assert [(each["label"], each["expires_at"]) for each in held] == [("dump 1offsite", until.isoformat())]
    assert len(dumps.holding(shop, "db", Repository.LOCAL, NOW, until=until)) == 2
    dumps.forget_gone(Repository.LOCAL, {"2local".ljust(64, "0")})
    assert len(dumps.holding(shop, "db", Repository.LOCAL, NOW, until=until)) == 1
