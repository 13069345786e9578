"""What YAML can spring on a reader, one trap per test."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from havre.errors import ManifestError
from havre.manifest import InvalidManifest, load, load_file
from support.manifests import api, app, problem, problems


def env(value: str) -> object:
    return api(app(f"env: {{X: {value}}}")).env["X"]


def env_problem(value: str) -> str:
    found = problem(app(f"env:\n  X: {value}"))
    assert (found.path, found.line) == ("services.api.env.X", 9)
    return f"{found.message}; {found.hint}"


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "y", "n", "NO", "Yes", "No", "Off"])
def test_norway_is_text(word: str) -> None:
    assert env(word) == word


def test_norway_is_a_plain_key() -> None:
    assert api(app("env: {NO: norway, on: x, y: z}")).env == {"NO": "norway", "on": "x", "y": "z"}


@pytest.mark.parametrize("word", ["no", "off", "yes"])
def test_a_boolean_key_takes_no_other_words(word: str) -> None:
    found = problem(app(f"domains: [{{host: a.example.org, https: {word}}}]"))
    assert found.path == "services.api.domains[0].https"
    assert found.message == f'got "{word}", expected true or false'
    assert found.hint == f"write {'true' if word == 'yes' else 'false'}"


@pytest.mark.parametrize("word", ["true", "false", "True", "FALSE"])
def test_a_boolean_in_env_must_be_quoted(word: str) -> None:
    assert "put it in quotes" in env_problem(word)


def test_a_quoted_boolean_is_text() -> None:
    assert env('"true"') == "true"


@pytest.mark.parametrize(
    "number",
    ["0755", "00", "0o17", "0x1F", "0b11", "1_000", "+1", "-0", "1e3", "1.5e3", ".5", "1.", ".inf", "-.inf",
     ".nan", "01.5", "1_0.5", "9999999999999999999"],
)  # fmt: skip
def test_a_number_that_readers_disagree_about_is_refused(number: str) -> None:
    assert "not every reader takes for the same number" in env_problem(number)


@pytest.mark.parametrize("number", ["0755", "0x1F", "1e3", "1_000"])
def test_such_a_number_in_quotes_is_text(number: str) -> None:
    assert env(f"'{number}'") == number


def test_octal_is_refused_where_a_number_is_expected_and_told_once() -> None:
    found = problem(app("replicas: 010"))
    assert found.path == "services.api.replicas"
    assert found.value == "010"


@pytest.mark.parametrize("number", ["0", "17", "-5", "8080"])
def test_a_plain_whole_number_is_its_text_in_env(number: str) -> None:
    assert env(number) == number


def test_a_decimal_in_env_must_be_quoted() -> None:
    assert "put it in quotes, so that no digit is lost" in env_problem("1.10")


@pytest.mark.parametrize(
    "text",
    ["2024-01-01", "2001-12-14T21:59:43Z", "12:30:45", "190:20:30", "03:00", "=", "1.2.3", "1e", "0x", "-"],
)
def test_dates_and_sexagesimals_are_text(text: str) -> None:
    if text == "-":
        text = "-x"
    assert env(text) == text


def test_null_in_env_is_refused() -> None:
    assert "expected text" in env_problem("null")
    assert "expected text" in env_problem("~")


def test_a_key_without_a_value_is_refused() -> None:
    assert env_problem("") == 'has no value; give it one ("" is empty text), or remove it'


def test_an_empty_text_is_a_value() -> None:
    assert env('""') == ""


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    found = problem(app("replicas: 1\nreplicas: 2"))
    assert (found.path, found.line, found.message) == ("services.api.replicas", 9, "is given twice")
    assert found.hint == "keep one of the two; the first is on line 8"


def test_a_duplicate_key_is_found_in_a_flow_mapping_and_in_quotes() -> None:
    assert problem(app("env: {A: x, 'A': y}")).message == "is given twice"


def test_all_duplicates_are_told() -> None:
    assert [p.line for p in problems(app("replicas: 1\nreplicas: 2\nreplicas: 3"))] == [9, 10]


@pytest.mark.parametrize("lines", ["env: &x {A: b}", "env: {A: &x b}", "env: {A: *x}", "volumes: [*a]"])
def test_anchors_and_aliases_are_refused(lines: str) -> None:
    found = problem(app(lines))
    assert "anchor or an alias" in found.message
    assert found.line == 8


def test_exploding_aliases_are_refused_at_once() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    started = time.process_time()
    assert "anchor" in problem(laughs).message
    assert time.process_time() - started < 1


def test_merge_keys_are_refused() -> None:
    assert "merge key" in problem(app("<<: {replicas: 3}")).message


def test_a_quoted_merge_key_is_only_an_unknown_key() -> None:
    assert problem(app("'<<': {replicas: 3}")).message == "is not a known key"


@pytest.mark.parametrize("tag", ["!!str 5", "!!python/object:os.system x", "!x y", "! 12", "!!int '3'"])
def test_tags_are_refused(tag: str) -> None:
    assert "tag" in problem(app(f"env: {{X: {tag}}}")).message


def test_a_directive_is_refused() -> None:
    assert "directive" in problem("%YAML 1.1\n---\nproject: p\n").message
    assert "directive" in problem("%TAG ! tag:x,2000:\n---\nproject: p\n").message


def test_a_second_document_is_refused() -> None:
    found = problem(app() + "---\nproject: q\n")
    assert found.message == "begins a second document"
    assert found.line == 9


def test_one_document_may_be_marked() -> None:
    assert api("---\n" + app() + "...\n").port == 80


@pytest.mark.parametrize("key", ["[a, b]", "{a: b}", "? [a]\n"])
def test_keys_are_plain(key: str) -> None:
    assert "key" in problem(f"{key}: x\n").message


def test_numbers_and_words_as_keys_are_their_text() -> None:
    found = problem(app("1: x"))
    assert found.path == "services.api.1"
    assert found.message == "is not a known key"


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x1b", "\x85", "\ufeff", "\u202e", "\u2066", "\ud800"]
)
def test_invisible_characters_are_refused(character: str) -> None:
    found = problem(app(f"env: {{X: a{character}b}}"))
    assert found.message == f"holds the character U+{ord(character):04X}"
    assert (found.line, found.column) == (8, 15)


@pytest.mark.parametrize("escaped", ["\\0", "\\x1b", "\\ud800", "\\u202e", "\\N"])
def test_invisible_characters_are_refused_as_escapes_too(escaped: str) -> None:
    assert "holds the character" in problem(app(f'env: {{X: "a{escaped}b"}}')).message


def test_an_escape_beyond_unicode_is_refused() -> None:
    assert "is not YAML" in problem(app('env: {X: "\\U00110000"}')).message


def test_tabs_for_indentation_are_refused() -> None:
    assert "is not YAML" in problem("project: p\nservices:\n\tapi: {kind: app}\n").message


def test_unclosed_brackets_and_quotes_name_a_line() -> None:
    assert problem("project: p\nservices: {a: [\n").line is not None
    assert problem('project: "p\n').line is not None


@pytest.mark.parametrize(
    "text", ["", "  \n\n", "# only a comment\n", "[]", "project", "3", "null", "- a\n- b\n"]
)
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert problem(text)


def test_windows_line_ends_and_a_byte_order_mark_are_fine() -> None:
    assert api("\ufeff" + app("replicas: 3").replace("\n", "\r\n")).replicas == 3


def test_multi_line_text_keeps_its_lines() -> None:
    assert api(app("env:\n  KEY: |\n    a\n    b\n")).env["KEY"] == "a\nb\n"


def test_a_file_that_is_too_large_is_refused() -> None:
    assert problem("# " + "x" * 300_000).message == "is too large"


def test_a_file_that_is_too_large_in_bytes_is_refused() -> None:
    assert problem("# " + "€" * 100_000).message == "is too large"


@pytest.mark.parametrize(
    "nested", ["[" * 200_000, "{a: " * 50_000, "- " * 100_000, "? " * 100_000, "[" * 30 + "]" * 30]
)
def test_deep_nesting_is_refused_quickly(nested: str) -> None:
    started = time.process_time()
    found = problem("project: " + nested if nested[0] in "[{" else nested)
    assert any(word in found.message for word in ("deep", "YAML", "as a key"))
    assert time.process_time() - started < 3


def test_too_many_values_are_refused_quickly() -> None:
    started = time.process_time()
    assert "holds more than" in problem("project: [" + "a, " * 80_000 + "]").message
    assert time.process_time() - started < 8


def test_load_file_reads_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "havre.yaml"
    path.write_text(app("env: {X: é}"), encoding="utf-8")
    assert load_file(path).services["db"].kind == "postgres"


def test_load_file_names_the_place_of_a_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "havre.yaml"
    path.write_bytes(b"project: p\nservices: \xff\n")
    with pytest.raises(InvalidManifest) as caught:
        load_file(path)
    found = caught.value.problems[0]
    assert (found.line, found.column, found.message) == (2, 11, "is not UTF-8")
    assert str(caught.value).startswith(f"{path}:2: is not UTF-8")


def test_load_file_refuses_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "havre.yaml", tmp_path):
        with pytest.raises(ManifestError) as caught:
            load_file(path)
        assert str(path) in caught.value.message


def test_load_file_does_not_read_an_endless_file() -> None:
    with pytest.raises(ManifestError, match="bytes"):
        load_file(Path("/dev/zero"))


def test_the_error_names_the_file_it_was_given() -> None:
    with pytest.raises(ManifestError, match=r"^other\.yaml:1: project: "):
        load("project: P\nservices: {db: {kind: postgres}}\n", file="other.yaml")
