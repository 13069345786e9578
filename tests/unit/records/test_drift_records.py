"""Drift beside operations: what one is changing is none, and a canary leaves the rest alone."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from havre.domain.drift import Drift, State, UnderWay
from havre.domain.fields import Field
from havre.errors import EngineAway
from havre.operations import drift
from havre.operations.context import Run
from havre.operations.rollout import steps
from havre.records import drifts, queries
from havre.records.models import Environment, Operation

pytestmark = pytest.mark.django_db
SHIFT = {"release": 2, "weights": {"api": 25}, "sticky": [], "leaving": []}


@pytest.fixture
def shop() -> Environment:
    return queries.ensure_environment("shop", "production", source="/srv/shop")


def running(shop: Environment, kind: str, **result: object) -> Operation:
    operation = queries.enqueue(kind, shop, {}, actor="ada")
    claimed = queries.claim("w", commands=kind in queries.COMMANDS)
    assert claimed == operation
    Operation.objects.filter(pk=operation.pk).update(result=result)
    return operation


def share(shop: Environment, shift: dict[str, Any]) -> None:
    Environment.objects.filter(pk=shop.pk).update(shift=shift)


@pytest.mark.parametrize("kind", ["run", "plan"])
def test_commands_and_plans_change_nothing(shop: Environment, kind: str) -> None:
    running(shop, kind)
    assert drifts.under_way(shop) == UnderWay()


@pytest.mark.parametrize("kind", ["deploy", "rollback", "scale", "restart", "destroy", "adopt", "apply"])
def test_any_other_operation_may_change_everything(shop: Environment, kind: str) -> None:
    running(shop, kind)
    assert drifts.under_way(shop) == UnderWay(is_everything=True)


def test_a_rolling_update_that_shares_requests_is_no_canary(shop: Environment) -> None:
    running(shop, "deploy")
    share(shop, {**SHIFT, "weights": {"api": None}})
    assert drifts.under_way(shop) == UnderWay(is_everything=True)


def test_a_canary_changes_what_it_shares(shop: Environment) -> None:
    running(shop, "deploy", canary={"stage": 1})
    assert drifts.under_way(shop) == UnderWay(is_everything=True)  # it has not begun to
    share(shop, SHIFT)
    under_way = drifts.under_way(shop)
    assert under_way == UnderWay(services=frozenset({"api"}))
    covered = [under_way.covers(*each) for each in (("service", "api"), ("service", "web"), ("route", "api"))]
    assert covered == [True, False, False]


def test_what_was_found_before_is_not_told_while_it_is_changed(shop: Environment) -> None:
    found: list[dict[str, Any]] = [
        {"kind": "service", "name": name, "state": "changed", "fields": []} for name in ("api", "web")
    ]
    drifts.record(shop, found)
    assert drifts.found(shop) == found
    running(shop, "deploy", canary={"stage": 1})
    assert (drifts.found(shop), drifts.found_everywhere()) == ([], {})
    share(shop, SHIFT)
    assert [each["name"] for each in drifts.found(shop)] == ["web"]
    assert [each["name"] for each in drifts.found_everywhere()[shop.pk]] == ["web"]


HOSTNAME = Drift("service", "api", State.CHANGED, (Field("ContainerSpec.Hostname", "", "x"),))
ELSEWHERE = Drift("service", "x", State.STRANGE, (Field("network", "", "shop-production"),))


@pytest.mark.parametrize(
    ("look", "left"),
    [((), []), ((ELSEWHERE,), [ELSEWHERE]), (None, [HOSTNAME, ELSEWHERE])],
    ids=["all is put back", "some is not Havre's", "the engine is away"],
)
def test_what_an_operation_put_back_is_not_told_when_it_ends(
    shop: Environment,
    monkeypatch: pytest.MonkeyPatch,
    look: tuple[Drift, ...] | None,
    left: list[Drift],
) -> None:
    drifts.record(shop, [each.as_data() for each in (HOSTNAME, ELSEWHERE)])
    monkeypatch.setattr(
        drift, "look", Mock(side_effect=EngineAway("gone")) if look is None else lambda *_: look
    )
    monkeypatch.setattr(steps, "converge", lambda _: "as wanted")
    operation = running(shop, "apply")
    run = Run(Mock(), operation, Environment.objects.get(pk=shop.pk))
    assert steps.Rollout(run).converge() == "as wanted"
    queries.finish(operation, Operation.State.SUCCEEDED)
    assert drifts.found(shop) == [each.as_data() for each in left]


def test_nobody_looks_where_nothing_was_changed_by_hand(
    shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Mock()
    monkeypatch.setattr(drift, "look", look)
    drift.settle(Mock(), shop)
    look.assert_not_called()


def test_an_operation_that_begins_or_ends_during_a_look_is_noticed(shop: Environment) -> None:
    queries.enqueue("scale", shop, {}, actor="ada")
    before = drifts.activity(shop)
    operation = queries.claim("w")
    assert operation is not None
    during = drifts.activity(shop)
    queries.finish(operation, Operation.State.SUCCEEDED)
    assert len({before, during, drifts.activity(shop)}) == 3
    running(shop, "run")
    assert drifts.activity(shop) == (*((operation.pk, "succeeded"),), UnderWay())


def test_looking_for_drift_does_not_wait_for_a_canary(shop: Environment) -> None:
    running(shop, "deploy", canary={"stage": 1})
    look = queries.enqueue("plan", shop, {"drift": True}, actor="ada")
    whole = queries.enqueue("plan", shop, {"drift": False}, actor="ada")
    assert queries.claim("w") is None
    share(shop, SHIFT)
    assert queries.claim("w") == look
    assert queries.claim("w") is None
    Operation.objects.filter(kind="deploy").update(state=Operation.State.SUCCEEDED)
    queries.finish(look, Operation.State.SUCCEEDED)
    assert queries.claim("w") == whole
