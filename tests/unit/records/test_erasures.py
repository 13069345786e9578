"""What is remembered of persons who were erased, and what is not."""

from __future__ import annotations

import pytest

from havre.records import erasures, queries
from havre.records.models import Environment, Erasure, Operation

pytestmark = pytest.mark.django_db
PARAMS = {"subject": "member.email", "service": None}


@pytest.fixture
def shop() -> Environment:
    return queries.ensure_environment("shop", "production", source="/srv/shop")


def asked(shop: Environment) -> Operation:
    return erasures.enqueue(shop, PARAMS, sealed=b"sealed", actor="ada")


@pytest.mark.parametrize(
    "state", [Operation.State.FAILED, Operation.State.CANCELLED, Operation.State.SUCCEEDED]
)
def test_somebody_who_was_not_erased_leaves_no_trace(shop: Environment, state: Operation.State) -> None:
    operation = asked(shop)
    assert erasures.of(operation).sealed == b"sealed"  # type: ignore[union-attr]
    queries.finish(operation, state)
    assert not Erasure.objects.exists()


def test_nor_does_one_whose_operation_never_began(shop: Environment) -> None:
    queries.request_cancel(asked(shop))
    assert not Erasure.objects.exists()


def test_of_who_was_erased_only_hashes_stay(shop: Environment) -> None:
    operation = asked(shop)
    row = erasures.of(operation)
    assert row is not None
    erasures.identify(row, service="db", token="t" * 64, identity="i" * 64)
    erasures.erased(row, [{"table": "member", "fate": "deleted", "rows": 1}])
    queries.finish(operation, Operation.State.SUCCEEDED)
    (kept,) = erasures.known(shop, "db")
    assert (kept.sealed, kept.token, kept.identity) == (None, "t" * 64, "i" * 64)
    assert "sealed" not in Operation.objects.get().params
    assert erasures.back_again() == {}
    assert erasures.mark_back([kept], {"i" * 64}) == 1
    assert erasures.back_again() == {"shop-production": 1}
    assert erasures.mark_back(erasures.known(shop), set()) == 0
    assert erasures.back_again() == {}
