"""References in text, by value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from havre.domain.references import (
    ATTRIBUTES,
    SECRET_ATTRIBUTES,
    Literal,
    MalformedReference,
    Reference,
    escape,
    is_secret,
    parse,
    references,
    resolve,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", (Literal("plain"),)),
        ("${db.url}", (Reference("db", "url"),)),
        (
            "x://${db.user}:$$@${my-db.host}/",
            (
                Literal("x://"),
                Reference("db", "user"),
                Literal(":$@"),
                Reference("my-db", "host"),
                Literal("/"),
            ),
        ),
        ("$5 and $HOME", (Literal("$5 and $HOME"),)),
        ("$${db.url}", (Literal("${db.url}"),)),
        ("$$${db.url}", (Literal("$"), Reference("db", "url"))),
        ("a$", (Literal("a$"),)),
        ("${db.url}${db.url}", (Reference("db", "url"), Reference("db", "url"))),
        ("${api.public_url}", (Reference("api", "public_url"),)),
    ],
)
def test_parse(text: str, parts: tuple[object, ...]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    "text",
    ["${", "${}", "${db}", "${db.}", "${.url}", "${DB.url}", "${db.url", "${ db.url }", "${db..url}",
     "${db.url.x}", "${db-.url}", "a ${HOME} b", "$$$${x.y} ${", "${db.\nurl}"],
)  # fmt: skip
def test_a_malformed_reference_is_named_with_its_remedy(text: str) -> None:
    with pytest.raises(MalformedReference) as caught:
        parse(text)
    assert "is not a reference" in caught.value.message
    assert "${db.url}" in caught.value.hint


def test_a_long_malformed_reference_is_shortened() -> None:
    with pytest.raises(MalformedReference) as caught:
        parse("${" + "x" * 500 + "}")
    assert len(caught.value.message) < 80


def test_references_are_distinct() -> None:
    assert references("${a.url}${a.url}${b.host}") == {Reference("a", "url"), Reference("b", "host")}


def test_resolve_inserts_what_lookup_gives_without_reading_it_again() -> None:
    assert resolve("[${a.url}] $$", lambda r: f"{r} $$ ${{b.url}}") == "[${a.url} $$ ${b.url}] $"


def test_secret_attributes() -> None:
    expected = {("postgres", "url"), ("postgres", "password"), ("redis", "url"), ("redis", "password")}
    assert expected == SECRET_ATTRIBUTES
    assert is_secret("postgres", "url")
    assert not is_secret("postgres", "host")
    assert not is_secret("app", "url")
    assert all(attribute in ATTRIBUTES[kind] for kind, attribute in SECRET_ATTRIBUTES)


@given(st.text())
def test_escaped_text_stands_for_itself(text: str) -> None:
    assert resolve(escape(text), lambda _: "never") == text


@given(st.text(alphabet="${}.ab$"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parts = parse(text)
    except MalformedReference:
        return
    written = "".join(escape(p.text) if isinstance(p, Literal) else str(p) for p in parts)
    assert parse(written) == parts
