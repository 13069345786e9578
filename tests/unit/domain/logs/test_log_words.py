from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.logs.record import LineId, line_id, shown, stored
from havre.domain.logs.words import Sought, index_query, terms_of

LINES = ("GET /api connectTimeout", "Timeout-42 reached", "run time", "a timeout b x_42")
BLOCK = "\n".join(LINES)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("time", [1, 2, 3]),
        ("TIMEOUT", [1, 3]),
        ("connecttime", [0]),
        ('"timeout b"', [3]),
        ("/api get", [0]),
        ("out", []),
        ("42", [1, 3]),
        ("timeout 42", [1, 3]),
        ('"timeout 42"', []),
        ("", [0, 1, 2, 3]),
    ],
)
def test_words_are_found_where_words_begin(text, places):
    assert list(Sought(terms_of(text)).places(BLOCK)) == places


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("T.*m", [0, 1]),
        ("^a.*2$", [3]),
        (r"\d+\s\w+$", [1]),
        (r"(?i)RUN", [2]),
        (r"\s+T", []),
        ("[^z]*x", [3]),
    ],
)
def test_an_expression_is_of_one_record(pattern, places):
    assert list(Sought(pattern=pattern).places(BLOCK)) == places


@given(
    st.lists(st.text(alphabet="ab\n \t\x1e\x00Ä", max_size=12), min_size=1, max_size=8),
    st.sampled_from(["a b", "b", "Ä", "a+b", r"\s", "^a", "b$", "a|b", "[^a]"]),
)
def test_a_block_is_searched_like_its_records_one_by_one(texts, pattern):
    lines = [stored(text) for text in texts]
    whole = list(Sought(pattern=pattern).places("\n".join(lines)))
    single = [place for place, line in enumerate(lines) if list(Sought(pattern=pattern).places(line))]
    assert whole == single
    if pattern.isalpha():
        terms = terms_of(pattern)
        assert list(Sought(terms).places("\n".join(lines))) == [
            place for place, line in enumerate(lines) if list(Sought(terms).places(line))
        ]


def test_what_the_index_is_asked():
    assert (
        index_query(terms_of('foo "Bar-baz qux" x_y. ///'))
        == '"foo" * AND "bar" AND "baz" AND "qux" * AND "x" AND "y"'
    )
    assert index_query(()) == ""
    assert index_query(terms_of('"; DROP')) == '"drop" *'


def test_a_search_has_bounds_and_refuses_what_is_no_expression():
    with pytest.raises(ValueError, match="at most 20"):
        terms_of(" ".join(map(str, range(50))))
    with pytest.raises(ValueError, match="missing"):
        Sought(pattern="(")


@given(st.text())
def test_a_stored_text_is_one_line(text):
    assert "\n" not in stored(text)
    assert shown(stored(text)) == text.replace("\r", "").replace("\x1e", "\ufffd").replace("\x00", "\ufffd")


def test_ids_are_read_as_they_are_written():
    made = LineId("20261130", 3, 1502)
    assert line_id(str(made)) == made
    for wrong in ("", "20261130-3", "../../etc-1-2", "20261130-3-1502 ", "20261130--3-1"):
        with pytest.raises(ValueError, match="20261130-3-1502"):
            line_id(wrong)
