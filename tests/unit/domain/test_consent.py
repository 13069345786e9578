"""What a protected environment asks for: every kind of operation has decided."""

from __future__ import annotations

from typing import get_args

import pytest

from havre.domain.consent import RULES, Asks, is_wanted
from havre.interfaces.api.requests import WantedOperation
from havre.operations.catalogue import RUNBOOKS

BESIDE_OPERATIONS = {"promote", "abort", "exec", "copy"}


def test_every_kind_of_operation_has_a_rule() -> None:
    assert set(RULES) == set(RUNBOOKS) | BESIDE_OPERATIONS


def test_every_kind_that_asks_can_be_given_the_name() -> None:
    for wanted in get_args(get_args(WantedOperation)[0]):
        (kind,) = get_args(wanted.model_fields["kind"].annotation)
        takes_name = "confirm" in wanted.model_fields["params"].annotation.model_fields
        assert takes_name is (RULES[kind].asks is not Asks.NEVER), kind


@pytest.mark.parametrize(
    ("kind", "plainly", "dangerously"),
    [
        ("deploy", False, True),
        ("apply", False, True),
        ("rollback", True, True),
        ("restart", True, True),
        ("scale", True, True),
        ("destroy", True, True),
        ("promote", True, True),
        ("abort", True, True),
        ("run", True, True),
        ("exec", True, True),
        ("copy", True, True),
        ("cron", False, False),
        ("adopt", False, False),
        ("plan", False, False),
        ("a kind that nobody thought of", True, True),
    ],
)
def test_the_rule(kind: str, plainly: bool, dangerously: bool) -> None:
    assert is_wanted(kind, is_protected=True) is plainly
    assert is_wanted(kind, is_protected=True, is_dangerous=True) is dangerously
    assert not is_wanted(kind, is_protected=False, is_dangerous=True)
