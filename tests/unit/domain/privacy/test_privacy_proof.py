"""The proof fails for every way in which a protected value can stay, and for nothing else."""

from __future__ import annotations

import pytest

from support.privacy import decided, problems, replaced, table

MEMBERS = table("members", id="int8", email="text", name="text", phone="text", iban="text", note="text")
RULES = {"email": "email", "name": "name", "phone": "phone", "iban": "iban", "note": "scrub"}
ROWS = "\n".join(
    f"{n}\tada{n}@mail.fr\tAda Lovelace{n:03}\t06 12 34 {n // 100:02} {n % 100:02}\t"
    f"FR76300060000112345678{n:05}\tCalled on day {n}"
    for n in range(300)
)


def test_a_copy_by_the_rules_is_proven() -> None:
    made = decided({"members": RULES}, MEMBERS)
    assert problems(made, {"members": ROWS}, replaced(made, {"members": ROWS})) == ()


def test_what_was_not_replaced_at_all_is_found() -> None:
    made = decided({"members": RULES}, MEMBERS)
    found = problems(made, {"members": ROWS}, {"members": ROWS})
    assert [line.split(":")[0] for line in found] == [f"members.{column}" for column in sorted(RULES)]
    assert not any("ada" in line.lower() for line in found)


@pytest.mark.parametrize(
    "left",
    [
        "ada7@mail.fr",
        "ADA7@MAIL.FR",
        "write to ada7@mail.fr, please",
        "(ada7 at) ada7@mail.fr!",
        "Ada Lovelace007",
        "ada   LOVELACE007",
        "signed: Adâ Lóvelace007.",
        "+33612340007",
        "06.12.34.00.07",
        "call 06 12 34 00 07 after six",
        "FR76 3000 6000 0112 3456 7800 007",
        "adalovelace007",
    ],
)
def test_a_value_left_in_a_kept_column_is_found(left: str) -> None:
    log = table("log", id="int8", line="text")
    made = decided({"members": RULES, "log": {"line": "keep"}}, MEMBERS, log)
    rows = {"members": ROWS, "log": f"1\tnothing to see\n2\t{left}"}
    (found,) = problems(made, rows, replaced(made, rows))
    assert found == "log.line: 1 rows hold a value of a protected column of the original"


@pytest.mark.parametrize(
    "left",
    [
        '{"who": "ada7@mail.fr"}',
        '{"deep": [{"er": ["x", "mail ADA7@mail.fr now"]}]}',
        '{"ada7@mail.fr": true}',
        '{"phone": 33612340007}',
        '"Ada Lovelace007"',
    ],
)
def test_a_value_left_in_json_is_found(left: str) -> None:
    log = table("log", data="jsonb")
    made = decided({"members": RULES, "log": {"data": "keep"}}, MEMBERS, log)
    rows = {"members": ROWS, "log": left}
    (found,) = problems(made, rows, replaced(made, rows))
    assert found.startswith("log.data: 1 rows")


def test_a_value_left_at_a_kept_path_of_json_is_found_and_elsewhere_scrubbed() -> None:
    log = table("log", data="jsonb")
    rule = {"json": {"kept": "keep"}}
    made = decided({"members": RULES, "log": {"data": rule}}, MEMBERS, log)
    rows = {"members": ROWS, "log": '{"other": "ada7@mail.fr"}'}
    assert problems(made, rows, replaced(made, rows)) == ()
    rows = {"members": ROWS, "log": '{"kept": "mail ada7@mail.fr"}'}
    assert len(problems(made, rows, replaced(made, rows))) == 1


def test_a_number_of_a_document_that_stays_is_no_leak() -> None:
    log = table("log", data="jsonb")
    made = decided({"log": {"data": {"json": {"name": "name"}}}}, log)
    rows = {"log": '{"name": "Ada Lovelace", "size": 1.50, "floor": 1500}'}
    assert problems(made, rows, replaced(made, rows)) == ()


def test_a_value_left_in_an_array_is_found() -> None:
    log = table("log", tags="text[]")
    made = decided({"members": RULES, "log": {"tags": "keep"}}, MEMBERS, log)
    rows = {"members": ROWS, "log": '{a,"by ada7@mail.fr",NULL}'}
    assert len(problems(made, rows, replaced(made, rows))) == 1


def test_rows_that_are_missing_or_too_many_are_found() -> None:
    made = decided({"members": RULES}, MEMBERS)
    copy = replaced(made, {"members": ROWS})
    fewer = copy["members"].rsplit("\n", 1)[0]
    assert problems(made, {"members": ROWS}, {"members": fewer}) == ("members: 299 rows instead of 300",)


def test_what_the_manifest_itself_says_is_no_leak() -> None:
    people = table("people", name="text", role="text", state="text")
    rules = {"name": "name", "role": {"keep": ["admin", "coach"]}, "state": {"constant": "none"}}
    made = decided({"people": rules}, people)
    rows = {"people": "Coach\tcoach\tactive\nNone\tadmin\t\\N"}
    assert problems(made, rows, replaced(made, rows)) == ()


def test_made_up_values_never_are_what_the_original_holds() -> None:
    """The most common names are in every pool and in every database."""
    people = table("people", first_name="text", city="text")
    made = decided({"people": {"first_name": "first_name", "city": "city"}}, people)
    first = ("Camille", "Marie", "Jean", "Pierre", "Michel", "André", "René", "Alain", "Luc", "Zoé", "Hélène")
    rows = {"people": "\n".join(f"{name}\tParis" for name in first)}
    copy = replaced(made, rows)
    assert not {name.lower() for name in first} & {
        line.split("\t")[0].lower() for line in copy["people"].split("\n")
    }
    assert problems(made, rows, copy) == ()


def test_empty_lines_count_as_rows() -> None:
    one = table("one", only="text")
    made = decided({"one": {"only": "scrub"}}, one)
    rows = {"one": "\n\nx y z w\n"}
    assert problems(made, rows, replaced(made, rows)) == ()
