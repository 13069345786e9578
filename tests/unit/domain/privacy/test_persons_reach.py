"""Which rows are a person's, and what becomes of them, decided from tables and keys."""

from __future__ import annotations

from typing import Any

import pytest

from havre.domain.privacy.persons import Blank, Fate, Filler, Reach, Subject, reach
from havre.domain.privacy.rules import parse
from havre.domain.privacy.tables import Column, Database, ForeignKey, Key, Table
from havre.errors import UsageError
from support.privacy import table

MEMBER = table("member", id="int4", email="text", friend="int4")


def to(child: str, parent: str, on_delete: str = "c", column: str = "member_id") -> ForeignKey:
    return ForeignKey(f"{child}_{column}", child, (column,), parent, ("id",), on_delete)


def club(*tables: Table, keys: tuple[ForeignKey, ...] = ()) -> Database:
    return Database((MEMBER, *tables), (Key("member_pkey", "member", ("id",), primary=True),), keys)


def decided(database: Database, *, erase: bool = True, rules: Any = None, **more: Any) -> Reach:
    rows = {name: Fate(fate) for name, fate in more.pop("rows", {}).items()}
    made = {t: {c: parse(rule) for c, rule in each.items()} for t, each in (rules or {}).items()}
    return reach(database, Subject("member", ("email",), rows, **more), made, to_erase=erase)


def fates(found: Reach) -> dict[str, str]:
    return {edge.key.table: edge.fate.value for edge in found.edges}


def test_the_foreign_keys_own_words_count_and_lead_on_from_what_goes() -> None:
    post, answer, club_ = (
        table("post", member_id="int4"),
        table("answer", post_id="int4"),
        table("c", m="int4"),
    )
    below = table("below", c_id="int4")
    keys = (
        to("post", "member"),
        to("answer", "post", column="post_id"),
        to("c", "member", "n", "m"),
        to("below", "c", column="c_id"),
    )
    found = decided(club(post, answer, club_, below, keys=keys))
    assert fates(found) == {"post": "delete", "answer": "delete", "c": "unlink"}
    assert found.deleted == ("member", "post", "answer")
    assert found.identity == ("id",)


def test_a_table_of_which_nobody_says_anything_has_to_be_decided() -> None:
    database = club(table("bill", member_id="int4"), keys=(to("bill", "member", "a"),))
    with pytest.raises(UsageError) as caught:
        decided(database)
    assert "bill refers to member (bill_member_id)" in caught.value.detail
    assert fates(decided(database, rows={"bill": "empty"})) == {"bill": "empty"}
    assert fates(decided(database, rows={"bill": "delete"})) == {"bill": "delete"}
    assert fates(decided(database, erase=False)) == {"bill": "unlink"}, "whose they are is known"


@pytest.mark.parametrize("on_delete", ["a", "c", "n", "r"])
def test_rows_of_other_persons_are_never_removed(on_delete: str) -> None:
    found = decided(club(keys=(to("member", "member", on_delete, "friend"),)))
    assert fates(found) == {"member": "unlink"}
    assert found.deleted == ("member",)
    bound = Table(
        "public",
        "member",
        (Column("id", "int4"), Column("email", "text"), Column("friend", "int4", not_null=True)),
    )
    database = Database(
        (bound,), (Key("k", "member", ("id",), primary=True),), (to("member", "member", on_delete, "friend"),)
    )
    with pytest.raises(UsageError) as caught:
        decided(database)
    assert "rows of other persons refer to it" in caught.value.detail


def test_rows_that_stay_must_be_able_to_refer_to_nobody() -> None:
    bill = Table("public", "bill", (Column("member_id", "int4", not_null=True),))
    database = club(bill, keys=(to("bill", "member"),))
    with pytest.raises(UsageError) as caught:
        decided(database, rows={"bill": "empty"})
    assert "must not be null" in caught.value.detail
    rules = {"member": {"email": "email"}}
    found = decided(database, rows={"bill": "empty", "member": "empty"}, rules=rules)
    assert found.is_emptied
    assert found.deleted == ()


def test_what_comes_into_columns_that_are_emptied() -> None:
    bill = Table(
        "public",
        "bill",
        (
            Column("member_id", "int4"),
            Column("payer", "text"),
            Column("mail", "varchar", limit=40, not_null=True),
            Column("town", "text", not_null=True),
            Column("code", "text", not_null=True),
            Column("born", "date", not_null=True),
            Column("tags", "text", array=True, not_null=True),
            Column("token", "uuid", not_null=True),
            Column("kind", "text"),
            Column("full", "text", generated=True),
            Column("amount", "numeric"),
        ),
    )
    rules = {
        "bill": {
            "payer": "name", "mail": "email", "town": "city", "code": {"constant": "-"}, "tags": "scrub",
            "born": {"shift": "3 days", "by": "member_id"}, "token": "hash", "kind": "keep",
        }
    }  # fmt: skip
    found = decided(club(bill, keys=(to("bill", "member", "n"),)), rows={"bill": "empty"}, rules=rules)
    assert found.blanks["bill"] == (
        Blank("payer", Filler.NULL),
        Blank("mail", Filler.RANDOM, "@example.org", 40),
        Blank("town", Filler.TEXT, ""),
        Blank("code", Filler.TEXT, "-"),
        Blank("born", Filler.TEXT, "1970-01-01"),
        Blank("tags", Filler.TEXT, "{}"),
        Blank("token", Filler.UUID),
    )
    rules["bill"].pop("payer")
    with pytest.raises(UsageError) as caught:
        decided(club(bill, keys=(to("bill", "member", "n"),)), rows={"bill": "empty"}, rules=rules)
    assert caught.value.detail == (
        "bill.payer has no rule under privacy.tables, so its rows cannot be emptied"
    )


def test_tables_without_a_foreign_key_are_named() -> None:
    letter, sent = table("letter", id="int4", address="text"), table("sent", letter_id="int4")
    database = club(letter, sent, keys=(to("sent", "letter", column="letter_id"),))
    found = decided(database, also={"letter.address": "email"})
    assert found.deleted == ("member", "sent", "letter")
    for also in ({"letter.adress": "email"}, {"letter.address": "mail"}, {"member.email": "email"}):
        with pytest.raises(UsageError):
            decided(database, also=also)


def test_names_that_are_none_are_told() -> None:
    with pytest.raises(UsageError, match="no table members") as caught:
        reach(club(), Subject("members", ("email",)), {})
    assert caught.value.hint == "did you mean member?"
    with pytest.raises(UsageError, match="no column mail"):
        reach(club(), Subject("member", ("mail",)), {})
    with pytest.raises(UsageError, match="no table bills"):
        decided(club(), rows={"bills": "delete"})
    with pytest.raises(UsageError, match="no primary key"):
        reach(Database((MEMBER,)), Subject("member", ("email",)), {})
