"""Asking something of a canary: only while one runs, on record before it answers, and done once."""

from __future__ import annotations

from typing import Any

import pytest

from havre.domain.promotion import ABORT, PROMOTE, PROMOTE_FULLY, Request
from havre.records import canaries, queries
from havre.records.models import Environment, Operation

CANARY = "/api/v1/environments/shop/production/canary"
NAMED = {"confirm": "shop-production"}


@pytest.fixture
def running(db) -> Operation:
    """A deployment whose release 2 has a quarter of the requests."""
    environment = queries.ensure_environment("shop", "production", source="/srv/shop.git")
    Environment.objects.filter(pk=environment.pk).update(
        shift={"release": 2, "weights": {"api": 25, "web": None}, "sticky": [], "leaving": []}
    )
    queries.enqueue("deploy", environment, {}, actor="root")
    operation = queries.claim("worker")
    assert operation is not None
    Operation.objects.filter(pk=operation.pk).update(result={"canary": {"stage": 1}})
    return operation


@pytest.mark.parametrize(
    ("path", "body", "what"),
    [("promote", {}, PROMOTE), ("promote", {"fully": True}, PROMOTE_FULLY), ("abort", None, ABORT)],
)
def test_a_request_is_on_record_with_its_stage(ask, running, path, body, what):
    refused = ask("POST", f"{CANARY}/{path}", body)
    assert (refused.status_code, refused.json()["confirm"]) == (422, "shop-production")
    assert canaries.asked(running) == Request()
    body = {**(body or {}), **NAMED}
    for _ in range(2):  # the second changes nothing
        answer = ask("POST", f"{CANARY}/{path}", body)
        assert answer.status_code == 202
        assert answer.json()["id"] == running.pk
        assert canaries.asked(running) == Request(what, 1)
    assert len(lines(running)) == 1
    running.refresh_from_db()
    assert running.cancel_requested is (what == ABORT)


def lines(operation: Operation) -> list[str]:
    return [event.data["line"] for event in queries.events_after(operation.pk, 0) if event.kind == "log"]


def move(operation: Operation, seen: Request, **canary: Any) -> bool:
    """The worker goes on."""
    operation.refresh_from_db()
    return canaries.move(operation, seen, canary)


def test_a_promotion_is_done_once(ask, running):
    ask("POST", f"{CANARY}/promote", NAMED)
    assert move(running, canaries.asked(running), stage=2)
    assert canaries.asked(running).at(2) == ""
    ask("POST", f"{CANARY}/promote", NAMED)
    assert canaries.asked(running).at(2) == PROMOTE


def test_no_stage_is_left_past_a_request_that_was_not_seen(ask, running):
    seen = canaries.asked(running)
    assert ask("POST", f"{CANARY}/abort", NAMED).status_code == 202
    assert not move(running, seen, stage=3, over=True)
    running.refresh_from_db()
    assert running.result == {"canary": {"stage": 1}}


def test_giving_up_outweighs_a_promotion(ask, running):
    ask("POST", f"{CANARY}/promote", {"fully": True, **NAMED})
    assert ask("POST", f"{CANARY}/abort", NAMED).status_code == 202
    refused = ask("POST", f"{CANARY}/promote", NAMED)
    assert refused.status_code == 409
    assert "is being given up" in refused.json()["detail"]
    assert canaries.asked(running) == Request(ABORT, 1)


def test_what_is_being_undone_can_be_given_up_again_but_not_promoted(ask, running):
    Operation.objects.update(result={"canary": {"stage": 1}, "undoing": {"state": "failed"}})
    assert ask("POST", f"{CANARY}/abort", NAMED).json()["id"] == running.pk
    assert ask("POST", f"{CANARY}/promote", NAMED).status_code == 409


def test_a_canary_that_is_over_refuses_and_says_so(ask, running):
    assert move(running, Request(), stage=3, over=True)
    for path in ("promote", "abort"):
        answer = ask("POST", f"{CANARY}/{path}", NAMED)
        assert answer.status_code == 409
        assert "is over" in answer.json()["detail"]
        assert f"operations cancel {running.pk}" in answer.json()["hint"]
    assert canaries.asked(running) == Request()


def test_its_share_is_listed(ask, running):
    (row,) = ask("GET", "/api/v1/environments").json()
    assert row["beside"] == {"release": 2, "weights": {"api": 25, "web": None}}


def test_without_a_canary_there_is_nothing_to_ask(ask, running):
    Operation.objects.update(result={})
    answer = ask("POST", f"{CANARY}/promote", NAMED)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "no canary runs in shop-production"
    assert "strategy: canary" in answer.json()["hint"]
    assert canaries.asked(running) == Request()


@pytest.mark.parametrize(("state", "said"), [("succeeded", "succeeded"), ("cancelled", "was cancelled")])
def test_a_deployment_that_is_over_is_not_asked(ask, running, state, said):
    queries.finish(running, Operation.State(state), result=running.result | {"canary": {"stage": 3}})
    answer = ask("POST", f"{CANARY}/abort", NAMED)
    assert answer.status_code == 409
    assert f"the last one is over: operation {running.pk} {said}" in answer.json()["detail"]


def test_going_live_ends_the_sharing(running):
    environment = Environment.objects.get()
    release = queries.new_release(environment, running)
    queries.go_live(release)
    environment.refresh_from_db()
    assert (environment.shift, environment.current_release) == ({}, release)


def test_wrong_promotions(ask, running):
    assert ask("POST", f"{CANARY}/promote", {"to": 50}).status_code == 422
    assert ask("POST", "/api/v1/environments/shop/staging/canary/promote", {}).status_code == 404
