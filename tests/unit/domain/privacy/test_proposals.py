"""Rules guessed from names, types and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from havre.domain.privacy.proposals import propose
from havre.domain.privacy.tables import Column, Database, ForeignKey, Key
from havre.manifest import load
from havre.operations.privacy.looking import first_names, fragment
from support.privacy import table

NAMES = first_names("fr_FR")


def proposed(
    name: str, type_: str = "text", values: Sequence[str] = (), *, shown: str = "t", unique: bool = False
) -> Any:
    made = table(shown, id="int8", **{name: type_})
    keys = (Key("t_pkey", shown, ("id",)), *([Key("k", shown, (name,))] if unique else []))
    samples = {(shown, name): [value.encode() for value in values]}
    found = propose(Database((made,), keys), samples, NAMES)
    return next((each.rule.written if each.rule else None for each in found if each.column == name), "silent")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("email", "email"), ("userEmail", "email"), ("courriel", "email"), ("phone_number", "phone"),
        ("telMobile", "phone"), ("first_name", "first_name"), ("prenom", "first_name"),
        ("lastName", "last_name"),
        ("nom", "last_name"), ("ville", "city"), ("code_postal", "postcode"), ("adresse", "address"),
        ("company", "company"), ("iban", "iban"), ("ip_address", "ip"), ("notes", "scrub"),
        ("password_hash", "null"), ("api_key", "hash"), ("role", None),
    ],
)  # fmt: skip
def test_names_of_columns_are_known(name: str, rule: Any) -> None:
    assert proposed(name) == rule


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (["a@b.fr", "c.d@e.org", "x"], "email"),
        (["06 12 34 56 78", "+33612345678"], "phone"),
        (["FR7630006000011234567890189", "FR76 3000 6000 0112 3456 7890 189"], "iban"),
        (["82.1.2.3", "2a01:e0a::1"], "ip"),
        (["Camille", "Hélène", "Grégoire"], "first_name"),
        (["Camille Dupont", "Hélène de la Tour"], "name"),
        (["a long text in several words", "and yet another one here"], "scrub"),
        (["see a@b.fr"] * 2 + ["x", "y", "z"] * 3, "scrub"),
        (["admin", "member"], None),
        (["2020-01-02", "2021-03-04"], None),
    ],
)
def test_values_are_recognised(values: list[str], rule: Any) -> None:
    assert proposed("c", values=values) == rule


def test_types_count() -> None:
    assert proposed("c", "inet") == "ip"
    assert proposed("birth_date", "date") == {"shift": "30 days", "by": "id"}
    assert proposed("created_at", "timestamptz") == "silent"
    assert proposed("weight", "numeric") == {"noise": 0.05}
    assert proposed("email", "text[]") == "email"
    assert proposed("c", "hstore") is None


def test_unique_columns_get_rules_that_keep_them_different() -> None:
    assert proposed("phone", unique=True) == {"fake": "phone", "unique": True}
    assert proposed("notes", unique=True) == "hash"
    assert proposed("email", unique=True) == "email"


def test_documents_are_proposed_by_path() -> None:
    values = ['{"phone": "0612345678", "address": {"city": "Paris"}, "x": ["ok"], "n": 1}']
    assert proposed("d", "jsonb", values) == {
        "json": {"address.city": "city", "phone": "phone", "x": "scrub"}
    }


def test_both_ends_of_a_foreign_key_get_one_rule() -> None:
    members, orders = table("members", email="text"), table("orders", who="text")
    key = ForeignKey("k", "orders", ("who",), "members", ("email",))
    found = propose(Database((members, orders), (), (key,)), {}, NAMES)
    assert [(each.column, each.rule and each.rule.written) for each in found] == [
        ("email", "email"),
        ("who", "email"),
    ]


def test_what_is_printed_can_be_pasted() -> None:
    members = table(
        "members", id="int8", birth_date="date", **{"e-mail": "text", "null": "text", "role": "text"}
    )
    odd = (table("Odd Table", note="text"), table("undecided", role="text"))
    database = Database((members, *odd), (Key("pk", "members", ("id",)),))
    text = "project: p\n" + fragment(propose(database, {}, NAMES), "db", "fr_FR").replace(
        "services:\n  db:\n", "services:\n  db:\n    kind: postgres\n"
    )
    rules = load(text).services["db"].privacy.tables  # type: ignore[union-attr]
    assert rules["members"]["birth_date"].written == {"shift": "30 days", "by": "id"}
    assert rules["Odd Table"]["note"].kind == "scrub"
    assert "# role: ?" in text
    assert "        # undecided:\n" in text


def test_a_column_of_an_enumeration_is_not_asked_about() -> None:
    database = Database((table("t", id="int8"),))
    assert propose(database, {}, NAMES) == ()
    assert Column("c", "state", enum=True).needs_decision is False
