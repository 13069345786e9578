"""The script of a dump, read in pieces of any size, and refused where it holds what nobody looked at."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.adapters.postgres.dump_script import Begin, End, Rows, Statement, quoted, read
from havre.errors import UsageError

HEAD = rb"""--
-- PostgreSQL database dump
--

\restrict Kq1aZ

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
"""


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, step: int) -> None:
        self._content, self._step = io.BytesIO(content), step

    def read(self, _size: int = -1) -> bytes:
        return self._content.read(self._step)


def rows_of(script: bytes, step: int = 1 << 20) -> list[tuple[str, bytes]]:
    """Each table with its rows, joined."""
    out: list[tuple[str, bytes]] = []
    parts: list[bytes] = []
    for event in read(Trickle(script, step)):  # type: ignore[arg-type]
        if isinstance(event, Begin):
            parts = []
            out.append((event.table, b""))
        elif isinstance(event, Rows):
            parts.append(event.batch)
        elif isinstance(event, End):
            out[-1] = (out[-1][0], b"".join(part + b"\n" for part in parts))
    return out


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_tables_and_their_rows_are_found_however_the_stream_is_cut(step: int) -> None:
    script = (
        HEAD
        + b"COPY public.a (id, note) FROM stdin;\n1\tx\\n.\n2\t\\N\n3\t\\\\.\n\\.\n\n"
        + b"COPY public.empty (id) FROM stdin;\n\\.\n"
        + b"COPY public.blank (only) FROM stdin;\n\n\n\\.\n"
        + b"SELECT pg_catalog.setval('public.a_id_seq', 3, true);\n"
    )
    assert rows_of(script, step) == [
        ("a", b"1\tx\\n.\n2\t\\N\n3\t\\\\.\n"),
        ("empty", b""),
        ("blank", b"\n\n"),
    ]


@given(st.lists(st.from_regex(r"[a-z\\.\t]{0,6}", fullmatch=True), max_size=8), st.integers(1, 20))
def test_no_row_is_lost_or_split(lines: list[str], step: int) -> None:
    lines = [line for line in lines if line != "\\."]
    body = "".join(f"{line}\n" for line in lines).encode()
    assert rows_of(b"COPY s.t (a) FROM stdin;\n" + body + b"\\.\n", step) == [("t", body)]


def test_settings_and_sequences_are_passed_on() -> None:
    script = HEAD + b"SELECT pg_catalog.setval('public.\"A_id_seq\"', -3, false);\n"
    passed = [event.text for event in read(io.BytesIO(script)) if isinstance(event, Statement)]
    assert [text.split()[0] for text in passed] == [b"SET", b"SET", b"SELECT", b"SELECT"]


def test_quoted_names_are_read() -> None:
    (begin,) = [
        event
        for event in read(io.BytesIO(b'COPY "My ""s".t ("a, b", c, "d (e)") FROM stdin;\n\\.\n'))
        if isinstance(event, Begin)
    ]
    assert (begin.schema, begin.table, begin.columns) == ('My "s', "t", ("a, b", "c", "d (e)"))
    assert quoted('My "s') == '"My ""s"'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("INSERT INTO public.a VALUES (1);", "INSERT statements"),
        ("SELECT pg_catalog.lo_open('1', 131072);", "large objects"),
        ("DROP TABLE public.a;", "neither rows nor a sequence"),
        ("\\! rm -rf /", "neither rows nor a sequence"),
        ("SELECT pg_catalog.setval('a', 1, true); DROP TABLE b;", "neither rows nor a sequence"),
        ("COPY public.a (id) FROM PROGRAM 'id';", "neither rows nor a sequence"),
    ],
)
def test_what_nobody_looked_at_is_refused(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(read(io.BytesIO(HEAD + line.encode() + b"\n")))


def test_a_dump_that_was_cut_is_refused() -> None:
    with pytest.raises(UsageError, match="ends in the middle of a table"):
        list(read(io.BytesIO(b"COPY public.a (id) FROM stdin;\n1\n2")))
