"""What becomes of values: the same for the same, different where they must, and nothing of the original."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.domain.privacy import fakes, forms, pools
from havre.domain.privacy.copy_text import escape
from havre.domain.privacy.rows import Unreplaceable
from havre.domain.privacy.rules import FAKES, parse
from havre.domain.privacy.tables import Column
from support.privacy import cells, decided, replaced, table

POOLS = pools.Pools("fr_FR", lambda _value: False)
TEXT = Column("c", "text")
VALUES = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), min_size=1)


def change(rule: Any, column: Column = TEXT, key: bytes = b"k" * 32) -> fakes.Change:
    return fakes.change(parse(rule), column, key, POOLS)


@pytest.mark.parametrize("rule", [*FAKES, "hash", "scrub", {"fake": "name", "unique": True}], ids=str)
def test_a_replacement_depends_on_key_and_value_alone(rule: Any) -> None:
    value = "Zoé.Martin de la Tour 12".encode()
    assert change(rule)(value) == change(rule)(value)
    others = {change(rule, key=bytes([number]) * 32)(value) for number in range(8)}
    assert len(others) > 1
    assert change(rule)(value) != value


@pytest.mark.parametrize(
    "rule",
    ["email", "username", "iban", "hash", *({"fake": k, "unique": True} for k in FAKES if k != "postcode")],
    ids=str,
)
@settings(max_examples=30)
@given(values=st.sets(st.from_regex(r"[a-z0-9]{4,12}", fullmatch=True), min_size=2, max_size=40))
def test_different_values_stay_different_under_injective_rules(rule: Any, values: set[str]) -> None:
    changed = change(rule)
    assert len({changed(value.encode()) for value in values}) == len(values)


def test_one_person_in_other_spellings_is_the_same_person() -> None:
    for rule, one, other in (
        ("first_name", "Jean-Pierre", "JEAN PIERRE"),
        ("first_name", "Hélène", "helene"),
        ("email", "Ada@Example.org", " ada@example.org"),
        ("phone", "06 12 34 56 78", "+33 6 12 34 56 78"),
        ("iban", "FR76 3000 6000 0112 3456 7890 189", "FR7630006000011234567890189"),
    ):
        assert change(rule)(one.encode()) == change(rule)(other.encode()), rule


@pytest.mark.parametrize(
    ("rule", "form"),
    [
        ("email", r"[a-z0-9]+\.[0-9a-f]{14}@example\.org"),
        ("phone", r"0\d( \d\d){4}"),
        ("ip", r"198\.1[89]\.\d+\.\d+"),
        ("username", r"[a-z0-9]+_[0-9a-f]{14}"),
        ("hash", r"[0-9a-f]{32}"),
        ({"fake": "phone", "unique": True}, r"\+999\d{16}"),
    ],
)
def test_replacements_look_like_what_they_are(rule: Any, form: str) -> None:
    assert re.fullmatch(form, change(rule)(b"some.body@mail.example").decode())  # type: ignore[union-attr]


def test_an_iban_is_well_formed() -> None:
    made = change("iban")(b"FR7630006000011234567890189")
    assert made is not None
    text = made.decode()
    assert re.fullmatch(r"FR\d{2}[0-9A-Z]{23}", text)
    assert int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def test_a_version_6_address_stays_one() -> None:
    assert change("ip")(b"2a01:e0a::1").startswith(b"2001:db8:")  # type: ignore[union-attr]


@pytest.mark.parametrize("rule", [*FAKES, "hash", "scrub"])
def test_nothing_becomes_nothing(rule: str) -> None:
    assert change(rule)(b"") == b""


@pytest.mark.parametrize("limit", [34, 30, 27])
def test_a_columns_length_is_kept(limit: int) -> None:
    for rule in (
        "email",
        "username",
        "hash",
        "name",
        "company",
        "address",
        "scrub",
        {"fake": "name", "unique": True},
    ):
        changed = change(rule, Column("c", "varchar", limit=limit))
        for number in range(200):
            made = changed(f"somebody {number} somewhere in a long street".encode())
            assert len((made or b"").decode()) in range(1, limit + 1), rule


@given(VALUES)
def test_a_scrubbed_text_has_the_shape_and_no_word_of_the_original(text: str) -> None:
    made = change("scrub")(text.encode())
    assert made is not None
    if text.strip():
        assert set(made.split()) <= set(POOLS.of("words"))
    assert made.count(b"\n") == text.count("\n") or not text.strip()
    assert [len(line.split()) for line in made.split(b"\n")] == [
        len(line.split()) for line in text.encode().split(b"\n")
    ]


def test_no_pool_holds_an_original_value_and_a_small_one_is_filled_up() -> None:
    known = set(POOLS.of("first_name"))
    left = pools.Pools("fr_FR", lambda value: value in known)
    assert not known & set(left.of("first_name"))
    assert len(left.of("first_name")) >= pools.FEWEST


@pytest.mark.parametrize("locale", ["fr_FR", "en_US", "de_DE", "ja_JP"])
@pytest.mark.parametrize("kind", [k for k in FAKES if k not in {"email", "username"}])
def test_pools_of_other_locales_hold_no_control_characters(locale: str, kind: str) -> None:
    for value in pools.Pools(locale, lambda _value: False).of(kind):
        assert value == escape(value)


def test_dates_of_one_person_keep_their_distance_in_every_table() -> None:
    rule = {"shift": "30 days", "by": "id"}
    visit = {"shift": "30 days", "by": "member"}
    made = decided(
        {"members": {"born": rule}, "visits": {"at": visit}},
        table("members", id="int8", born="date"),
        table("visits", member="int8", at="timestamptz"),
    )
    born = "\n".join(f"{n}\t1980-01-31" for n in range(50))
    at = "\n".join(f"{n}\t2020-02-29 10:11:12.5+00" for n in range(50))
    out = replaced(made, {"members": born, "visits": at})
    for one, other in zip(cells(out["members"], 1), cells(out["visits"], 1), strict=True):
        assert other.endswith(" 10:11:12.5+00")
        apart = date.fromisoformat(other[:10]) - date.fromisoformat(one)
        assert apart == date(2020, 2, 29) - date(1980, 1, 31)
    moved = {abs((date.fromisoformat(day) - date(1980, 1, 31)).days) for day in cells(out["members"], 1)}
    assert moved <= set(range(1, 31))
    assert len(moved) > 5


def test_dates_that_cannot_be_moved_name_the_column_not_the_value() -> None:
    made = decided({"t": {"d": {"shift": "3 days", "by": "id"}}}, table("t", id="int8", d="date"))
    assert replaced(made, {"t": "1\tinfinity\n2\t\\N"})["t"] == "1\tinfinity\n2\t\\N"
    with pytest.raises(Unreplaceable, match=r"t\.d holds a date that cannot be moved") as caught:
        replaced(made, {"t": "1\t0044-03-15 BC"})
    assert "0044" not in str(caught.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=1, max_value=10**12))
def test_noise_stays_within_its_part_and_keeps_the_digits(number: Any) -> None:
    made = decided({"t": {"n": {"noise": 0.05}}}, table("t", n="numeric"))
    out = replaced(made, {"t": str(number)})["t"]
    assert abs(float(out) - float(number)) <= 0.05 * float(number) + 0.01
    assert len(out.partition(".")[2]) == 2


def test_noise_of_whole_numbers_stays_in_range() -> None:
    made = decided({"t": {"n": {"noise": 0.9}}}, table("t", n="int2"))
    out = replaced(made, {"t": "32767\n-32768\n0\n\\N"})["t"]
    assert all(-32768 <= int(cell) <= 32767 for cell in out.split("\n") if cell != "\\N")
    assert out.endswith("0\n\\N")


def test_documents_are_replaced_by_path() -> None:
    rule = {
        "json": {
            "phone": "phone",
            "address.city": "city",
            "tags": "keep",
            "contacts.email": "email",
            "pin": "hash",
        }
    }
    made = decided({"t": {"d": rule}}, table("t", d="jsonb"))
    document = {
        "phone": "0612345678", "address": {"city": "Nantes", "floor": 2}, "tags": ["a", "b"], "n": 1.50,
        "contacts": [{"email": "a@b.fr"}, {"email": None}], "other": "Ada was here", "yes": True, "pin": 1234,
    }  # fmt: skip
    out = json.loads(replaced(made, {"t": json.dumps(document)})["t"])
    assert (out["address"]["floor"], out["tags"], out["yes"], out["n"]) == (2, ["a", "b"], True, 1.5)
    assert out["contacts"][1]["email"] is None
    assert out["contacts"][0]["email"].endswith("@example.org")
    assert re.fullmatch(r"[0-9a-f]{32}", out["pin"])
    assert len(out["other"].split()) == 3
    assert not {"0612345678", "Nantes", "Ada"} & set(json.dumps(out).replace('"', " ").split())


def test_numbers_in_documents_keep_every_digit() -> None:
    made = decided({"t": {"d": {"json": {}}}}, table("t", d="json"))
    text = '{"a": 1.10, "b": 12345678901234567890, "c": 1e400, "d": -0.0}'
    assert replaced(made, {"t": text})["t"] == text


def test_arrays_are_replaced_by_element() -> None:
    made = decided({"t": {"a": "email"}}, table("t", a="text[]"))
    out = replaced(made, {"t": '{a@b.fr,NULL,"c d@e.fr"}'})["t"]
    assert re.fullmatch(r'\{"[^"]+@example.org",NULL,"[^"]+@example.org"\}', out)


def test_a_kept_list_refuses_what_it_does_not_name_without_telling_it() -> None:
    made = decided({"t": {"role": {"keep": ["admin", "member"]}}}, table("t", role="text"))
    assert replaced(made, {"t": "admin\n\\N\nmember"})["t"] == "admin\n\\N\nmember"
    with pytest.raises(Unreplaceable, match=r"t\.role holds a text") as caught:
        replaced(made, {"t": "admin\nDupont"})
    assert "Dupont" not in f"{caught.value.message}{caught.value.hint}{caught.value.detail}"


@given(st.text())
def test_forms_forget_case_accents_and_punctuation(text: str) -> None:
    value = text.encode(errors="replace")
    assert forms.compact(value.decode().upper().encode()) == forms.compact(
        value.decode().upper().lower().encode()
    )
    assert b"".join(forms.words(value)) == forms.compact(value)


def test_an_accent_does_not_part_a_word() -> None:
    assert forms.words("Hélène, à L'ÉTÉ".encode()) == [b"helene", b"a", b"l", b"ete"]


def test_the_same_key_gives_the_same_copy_and_another_another() -> None:
    made = decided({"t": {"e": "email"}}, table("t", e="text"))
    rows = {"t": "a@b.fr\nc@d.fr"}
    assert replaced(made, rows) == replaced(made, rows)
    assert replaced(made, rows) != replaced(made, rows, key=b"o" * 32)


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_the_fast_way_to_a_form_is_the_slow_one(text: str) -> None:
    plain = unicodedata.normalize("NFKD", text).translate(dict.fromkeys(range(0x300, 0x370))).casefold()
    assert forms.compact(text.encode()) == re.sub(r"[\W_]+", "", plain).encode()
