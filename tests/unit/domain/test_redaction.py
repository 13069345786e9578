from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from havre.domain.redaction import SHORTEST, Redactor


def redactor(*values: str) -> Redactor:
    made = Redactor()
    made.hide(values)
    return made


def test_a_value_is_replaced_wherever_it_stands():
    redact = redactor("s3cr3t!x")
    assert redact("token=s3cr3t!x; again s3cr3t!x.") == "token=[secret]; again [secret]."
    assert redact("nothing here") == "nothing here"
    assert Redactor()("as it is") == "as it is"


def test_a_file_of_several_lines_is_found_line_by_line():
    redact = redactor("-----BEGIN KEY-----\nMIIEvQIBADANBg\nab\n-----END KEY-----\n")
    assert redact("  MIIEvQIBADANBg") == "  [secret]"
    assert redact("ab") == "ab"


def test_the_longest_value_wins():
    assert redactor("secret", "secret-and-more")("secret-and-more secret") == "[secret] [secret]"


def test_values_add_up_and_are_not_shown():
    redact = redactor("first-value")
    redact.hide(["second-value"])
    assert redact("first-value second-value") == "[secret] [secret]"
    assert "first-value" not in repr(redact)


@given(
    st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=SHORTEST), min_size=1),
    st.text(),
    st.text(),
)
def test_no_value_is_left(values, before, after):
    redact = redactor(*values)
    for value in values:
        assert value not in redact(f"{before} {value} {after}").replace("[secret]", "\0")
