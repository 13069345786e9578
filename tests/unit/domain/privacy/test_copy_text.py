"""COPY's text format, held to what PostgreSQL documents and to itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.privacy.copy_text import each_element, elements, escape, unescape
from havre.domain.privacy.rows import join, split

VALUES = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",))).map(str.encode)


@given(VALUES)
def test_what_is_escaped_comes_back(value: bytes) -> None:
    cell = escape(value)
    assert not set(cell) & set(b"\t\n\r")
    assert unescape(cell) == value
    assert cell != rb"\N"


@pytest.mark.parametrize(
    ("cell", "value"),
    [(rb"a\tb", b"a\tb"), (rb"\101\x42", b"AB"), (rb"\\N", rb"\N"), (rb"\q", b"q"), (rb"\v\b\f", b"\v\b\f")],
)
def test_escapes_of_the_manual_are_read(cell: bytes, value: bytes) -> None:
    assert unescape(cell) == value


@given(st.lists(st.lists(VALUES.map(escape), min_size=3, max_size=3), min_size=1))
def test_rows_that_are_split_are_joined_again(rows: list[list[bytes]]) -> None:
    batch = b"\n".join(map(b"\t".join, rows))
    assert join(split(batch)) == batch


@given(st.lists(VALUES, min_size=1))
def test_elements_of_an_array_are_found_whatever_is_in_them(values: list[bytes]) -> None:
    quoted = [b'"' + v.replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"' for v in values]
    array = b"{" + b",".join(quoted) + b"}"
    assert elements(array) == values
    assert elements(each_element(array, lambda value: value + b',}\\"')) == [v + b',}\\"' for v in values]


@pytest.mark.parametrize(
    ("array", "changed"),
    [
        (b"{}", b"{}"),
        (b"{a,NULL,b c}", b'{"A",NULL,"B C"}'),
        (b'{"NULL"}', b'{"NULL"}'),
        (b"{{a,b},{c,d}}", b'{{"A","B"},{"C","D"}}'),
        (b"[0:1]={a,b}", b'[0:1]={"A","B"}'),
    ],
)
def test_arrays_keep_their_shape(array: bytes, changed: bytes) -> None:
    assert each_element(array, bytes.upper) == changed


def test_an_element_can_become_null() -> None:
    assert each_element(b"{a,b}", lambda value: None if value == b"a" else value) == b'{NULL,"b"}'
