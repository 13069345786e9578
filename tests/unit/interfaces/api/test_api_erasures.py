"""Asking for a person's erasure: the value goes in sealed, and comes out nowhere."""

from __future__ import annotations

import json

import pytest

from havre.adapters import sealing
from havre.config import config
from havre.records import queries
from havre.records.models import Erasure, Operation

VALUE = "ada@club.example"
BODY = {"kind": "erase", "project": "shop", "environment": "staging"}
OPERATIONS = "/api/v1/operations"


@pytest.fixture(autouse=True)
def _environment(transactional_db: None) -> None:
    queries.ensure_environment("shop", "staging", source="")


def test_the_value_is_sealed_and_in_no_answer(ask) -> None:
    params = {"subject": "member.email", "value": VALUE, "dry_run": True}
    answer = ask("POST", OPERATIONS, {**BODY, "params": params})
    assert answer.status_code == 202, answer.text
    assert VALUE not in answer.text
    number = answer.json()["id"]
    assert answer.json()["params"] == {
        "service": None, "subject": "member.email", "again": False, "dry_run": True, "confirm": "",
    }  # fmt: skip
    assert VALUE not in ask("GET", f"{OPERATIONS}/{number}").text
    assert VALUE not in json.dumps(list(Operation.objects.values_list("params", "result")))
    sealed = Erasure.objects.get().sealed
    assert sealing.unseal(config().paths.private_key, bytes(sealed)).decode() == VALUE
    ask("POST", f"{OPERATIONS}/{number}/cancel")
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"subject": "member.email"},
        {"value": VALUE},
        {"subject": "email", "value": VALUE},
        {"subject": "member.email", "value": VALUE, "again": True},
        {"subject": "member.email", "value": [VALUE]},
        {"subject": "member.email", "value": VALUE * 100},
    ],
)
def test_a_wrong_request_is_refused_and_does_not_echo_the_value(ask, params) -> None:
    answer = ask("POST", OPERATIONS, {**BODY, "params": params})
    assert answer.status_code == 422
    assert VALUE not in answer.text
    assert not Operation.objects.exists()


def test_those_who_are_back_need_no_name(ask) -> None:
    answer = ask("POST", OPERATIONS, {**BODY, "params": {"again": True}})
    assert answer.status_code == 202
    assert not Erasure.objects.exists()
