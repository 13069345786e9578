"""Asking something of a canary: only while one runs, and it sees each request once."""

from __future__ import annotations

import pytest

from havre.records import queries
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
    ("path", "body", "request_"),
    [
        ("promote", {}, queries.PROMOTE),
        ("promote", {"fully": True}, queries.PROMOTE_FULLY),
        ("abort", None, queries.ABORT),
    ],
)
def test_the_operation_sees_a_request_once(ask, running, path, body, request_):
    refused = ask("POST", f"{CANARY}/{path}", body)
    assert (refused.status_code, refused.json()["confirm"]) == (422, "shop-production")
    assert not queries.take_request(running)
    body = {**(body or {}), **NAMED}
    answer = ask("POST", f"{CANARY}/{path}", body)
    assert answer.status_code == 202
    assert answer.json()["id"] == running.pk
    assert queries.take_request(running) == request_
    assert not queries.take_request(running)


def test_its_share_is_listed(ask, running):
    (row,) = ask("GET", "/api/v1/environments").json()
    assert row["beside"] == {"release": 2, "weights": {"api": 25, "web": None}}


@pytest.mark.parametrize("shift", [{}, {"release": 2, "weights": {"api": None}, "sticky": [], "leaving": []}])
def test_without_a_canary_there_is_nothing_to_ask(ask, running, shift):
    Environment.objects.update(shift=shift)
    answer = ask("POST", f"{CANARY}/promote", NAMED)
    assert answer.status_code == 409
    assert "no canary runs in shop-production" in answer.json()["detail"]
    assert "strategy: canary" in answer.json()["hint"]
    assert not queries.take_request(running)


def test_a_deployment_that_is_over_is_not_asked(ask, running):
    queries.finish(running, Operation.State.SUCCEEDED)
    assert ask("POST", f"{CANARY}/abort", NAMED).status_code == 409


def test_going_live_ends_the_sharing(running):
    environment = Environment.objects.get()
    release = queries.new_release(environment, running)
    queries.go_live(release)
    environment.refresh_from_db()
    assert (environment.shift, environment.current_release) == ({}, release)


def test_wrong_promotions(ask, running):
    assert ask("POST", f"{CANARY}/promote", {"to": 50}).status_code == 422
    assert ask("POST", "/api/v1/environments/shop/staging/canary/promote", {}).status_code == 404
