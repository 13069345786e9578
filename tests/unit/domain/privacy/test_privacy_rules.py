"""Rules as a manifest writes them, and against a database's columns and keys."""

from __future__ import annotations

from typing import Any

import pytest

from havre.domain.privacy.decisions import Undecided
from havre.domain.privacy.rules import FAKES, WORDS, RuleError, parse
from havre.domain.privacy.tables import Column, ForeignKey, Key, Table
from support.manifests import problem
from support.privacy import decided, table

WRITTEN = [
    *WORDS,
    *({"fake": kind, "unique": True} for kind in FAKES if kind != "postcode"),
    {"constant": "x"},
    {"shift": "30 days", "by": "id"},
    {"noise": 0.05},
    {"keep": ["admin", "member"]},
    {"json": {"phone": "phone", "address.city": "city", "*": "keep", "tags": {"keep": ["a"]}}},
]


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_a_rule_is_written_as_it_was_read(written: Any) -> None:
    assert parse(written).written == written
    assert parse(parse(written).written) == parse(written)


def test_yamls_own_null_is_the_rule_null() -> None:
    assert parse(None).written == "null"


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("e-mail", "'e-mail' is not a rule", "did you mean email?"),
        ({}, "is not a rule", "write a word such as email, or a mapping such as {constant: x}"),
        ({"fakes": "name"}, "fakes is not a rule", "did you mean fake?"),
        ({"fake": "name", "by": "id"}, "by does not go with fake", "keys: fake, unique"),
        ({"fake": "postcode", "unique": True}, "there are too few of postcode to be unique", "use hash"),
        ({"shift": "30", "by": "id"}, "shift is not a number of days up to 3650", "write shift: 30 days"),
        ({"shift": "30 days"}, "shift does not say by which column", None),
        ({"noise": 5}, "noise is not a part between 0 and 1", "write noise: 0.05 for 5 %"),
        ({"keep": []}, "keep does not list the texts that may stay", None),
        ({"json": {"a..b": "name"}}, "a..b is not a path in JSON", None),
        ({"json": {"a": {"shift": "3 days", "by": "id"}}}, "a: shift is not possible in JSON", None),
        ({"constant": None}, "the constant is not a text or a number", None),
    ],
)
def test_what_is_no_rule_is_told_with_a_remedy(written: Any, message: str, hint: str | None) -> None:
    with pytest.raises(RuleError) as caught:
        parse(written)
    assert caught.value.message == message
    assert caught.value.hint == hint if hint else caught.value.hint


def test_a_wrong_rule_in_a_manifest_has_its_line() -> None:
    text = """\
project: p
services:
  db:
    kind: postgres
    privacy:
      locale: fr_FR
      tables:
        members:
          email: e-mail
"""
    found = problem(text)
    assert (found.path, found.line) == ("services.db.privacy.tables.members.email", 9)
    assert (found.message, found.hint) == ("'e-mail' is not a rule", "did you mean email?")
    found = problem(text.replace("e-mail", "email").replace("fr_FR", "fr_XX"))
    assert (found.path, found.line) == ("services.db.privacy.locale", 6)


def wrong(rules: dict[str, Any], *tables: Table, **keys: Any) -> list[str]:
    with pytest.raises(Undecided) as caught:
        decided(rules, *tables, **keys)
    return [*caught.value.wrong, *(f"missing {name}" for name in caught.value.missing)]


def test_every_column_that_can_hold_words_needs_a_rule() -> None:
    types = {
        "a": "text", "b": "varchar(9)", "c": "citext", "d": "json", "e": "jsonb", "f": "text[]", "g": "inet",
        "h": "bytea", "i": "tsvector", "j": "hstore", "k": "xml", "l": "a_type_of_tomorrow", "m": "point",
    }  # fmt: skip
    assert [each.split()[1] for each in wrong({}, table("t", **types))] == [f"t.{name}" for name in types]


def test_numbers_dates_and_the_like_are_kept_and_named() -> None:
    made = decided(
        {}, table("t", id="int8", at="timestamptz", born="date", on="bool", key="uuid", w="numeric")
    )
    assert [column for _, column, _ in made.kept] == ["id", "at", "born", "on", "key", "w"]


def test_enumerations_and_computed_columns_need_none() -> None:
    columns = (Column("state", "state", enum=True), Column("full", "text", generated=True))
    made = decided({}, Table("public", "t", columns))
    assert [column for _, column, _ in made.kept] == ["state"]


def test_names_that_are_not_there_are_told() -> None:
    members = table("members", id="int8", email="text")
    assert wrong({"member": {}, "members": {"email": "email", "mail": "email"}}, members) == [
        "member: there is no such table, did you mean members?",
        "members.mail: there is no such column, did you mean email?",
    ]


@pytest.mark.parametrize(
    ("type_", "rule", "why"),
    [
        ("int8", "email", "email is not possible for int8; possible: keep, null, constant, noise"),
        ("date", "scrub", "scrub is not possible for date; possible: keep, null, constant, shift"),
        ("jsonb", "email", "email is not possible for jsonb; possible: keep, null, constant, json, scrub"),
        ("varchar(10)", "email", "email needs 27 characters, and it holds 10; use constant or null"),
        ("varchar(3)", {"constant": "none"}, "the constant is longer than 3 characters"),
        ("date", {"shift": "3 days", "by": "x"}, "shift is by x, which is not a column of t"),
    ],
)
def test_a_rule_has_to_suit_the_type(type_: str, rule: Any, why: str) -> None:
    assert wrong({"t": {"c": rule}}, table("t", c=type_)) == [f"t.c: {why}"]


@pytest.mark.parametrize(
    ("rule", "remedy"),
    [
        ("first_name", "{fake: first_name, unique: true}"),
        ("scrub", "hash"),
        ({"constant": "x"}, "hash"),
        ("postcode", "hash"),
    ],
)
def test_a_rule_that_makes_values_alike_is_refused_in_a_key(rule: Any, remedy: str) -> None:
    key = Key("t_c_key", "t", ("c",))
    (why,) = wrong({"t": {"c": rule}}, table("t", c="text"), keys=[key])
    kind = parse(rule).kind
    assert why == f"t.c: {kind} may make two values alike, and t_c_key wants them different; use {remedy}"


@pytest.mark.parametrize(
    "rule", ["email", "hash", "username", "iban", "keep", "null", {"fake": "phone", "unique": True}]
)
def test_rules_that_keep_values_different_are_allowed_in_a_key(rule: Any) -> None:
    decided({"t": {"c": rule}}, table("t", c="text"), keys=[Key("t_c_key", "t", ("c",))])


def test_partitions_have_the_rules_of_the_whole_or_their_own() -> None:
    columns = (Column("who", "text"),)
    parts = [Table("public", f"visits_{year}", columns, whole="visits") for year in (2025, 2026)]
    made = decided({"visits": {"who": "name"}, "visits_2026": {"who": "hash"}}, *parts)
    assert [made.of(part)["who"].kind for part in parts] == ["name", "hash"]
    assert wrong({"visits": {"whom": "name"}}, *parts)[0] == (
        "visits.whom: there is no such column, did you mean who?"
    )


def test_a_shift_is_allowed_in_a_key_together_with_what_it_is_by() -> None:
    visits = table("visits", member_id="int8", day="date")
    rules = {"visits": {"day": {"shift": "9 days", "by": "member_id"}}}
    decided(rules, visits, keys=[Key("k", "visits", ("member_id", "day"))])
    assert "may make two values alike" in wrong(rules, visits, keys=[Key("k", "visits", ("day",))])[0]


def test_both_ends_of_a_foreign_key_need_the_same_rule() -> None:
    members, orders = table("members", email="text"), table("orders", member="text")
    key = ForeignKey("orders_member_fkey", "orders", ("member",), "members", ("email",))
    rules: dict[str, Any] = {"members": {"email": "email"}, "orders": {"member": "hash"}}
    (why,) = wrong(rules, members, orders, foreign_keys=[key])
    assert why.startswith("orders.member: it refers to members.email (orders_member_fkey), so both need the")
    assert why.endswith("there it is email, here hash")
    decided(
        {"members": {"email": "email"}, "orders": {"member": "email"}}, members, orders, foreign_keys=[key]
    )
    decided(
        {"members": {"email": "email"}, "orders": {"member": "null"}}, members, orders, foreign_keys=[key]
    )
