"""No input makes the manifest raise anything but its own error, and none is accepted by half."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from havre.errors import ManifestError
from havre.manifest import EnvironmentSpec, InvalidManifest, load
from havre.manifest.fields import keys
from havre.manifest.services import SERVICE_MODELS
from havre.manifest.values import format_duration, format_size, parse_duration, parse_size
from havre.manifest.yaml_source import decode
from support.manifests import DESIGN, WITH_EVERYTHING

# The machine may be busy: time is bounded by tests of its own, not by a deadline per example.
unhurried = settings(deadline=None)

SOURCES = [DESIGN, WITH_EVERYTHING]
WORDS = sorted({word for text in SOURCES for word in text.replace(":", " ").split()})
SIGNS = [
    *("{", "}", "[", "]", ":", "- ", "? ", "#", "&a ", "*a", "!!", "|", ">", "'", '"', "\n", "\t", "%"),
    *("---\n", "<<: ", "~", ",", "\\", "@", "`", "$", "${", "\r", "\x00"),
]


def check_refusal(error: InvalidManifest, text: str) -> None:
    assert error.problems
    assert len(str(error).splitlines()) == len(error.problems)
    assert all(p.message and p.file for p in error.problems)
    assert all(1 <= p.line <= text.count("\n") + text.count("\r") + 2 for p in error.problems if p.line)
    str(error).encode()


def check(text: str) -> None:
    """Load it; what is refused says why, what is accepted can be stored and read again."""
    try:
        manifest = load(text)
    except InvalidManifest as error:
        check_refusal(error, text)
        return
    for name in manifest.environments:
        spec = manifest.for_environment(name)
        assert EnvironmentSpec.model_validate(json.loads(spec.model_dump_json())) == spec


@unhurried
@given(st.text())
@example("\ud800")
@example("? ")
@example("!<")
@example("%YAML 9")
@example("|0")
@example('"\\U00110000"')
def test_any_text(text: str) -> None:
    check(text)


@unhurried
@given(st.lists(st.sampled_from(SIGNS + WORDS), max_size=60).map("".join))
def test_text_of_yaml_s_signs(text: str) -> None:
    check(text)


@unhurried
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    try:
        text = decode(content, file="havre.yaml")
    except ManifestError:
        return
    check(text)


@unhurried
@given(st.sampled_from(SOURCES), st.data())
def test_mutated_manifests(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = text[:start] + data.draw(st.sampled_from(["", *SIGNS, *WORDS])) + text[end:]
    check(text)


KNOWN = sorted({key for model in SERVICE_MODELS.values() for key in keys(model)} - {"kind"})
KEYS = st.sampled_from([*KNOWN, *(word for word in WORDS if word.isidentifier()), "0", ""]) | st.text(
    max_size=5
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8)
)
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(KEYS, t, max_size=4), max_leaves=15
)


@unhurried
@given(TREES)
def test_any_json(tree: Any) -> None:
    check(json.dumps(tree))


@unhurried
@given(st.sampled_from(["project", "services", "environments", "backup"]), TREES)
def test_any_json_in_one_place(key: str, tree: Any) -> None:
    base = {"project": "p", "services": {"db": {"kind": "postgres"}}}
    check(json.dumps({**base, key: tree}))


@unhurried
@given(st.sampled_from(sorted(SERVICE_MODELS)), st.dictionaries(KEYS, TREES, max_size=5))
@example("app", {"strategy": []})
def test_any_json_as_a_service_and_as_an_override(kind: str, content: dict[str, Any]) -> None:
    check(json.dumps({"project": "p", "services": {"a": {**content, "kind": kind}}}))
    services = {"a": {"kind": "app"}, "b": {"kind": kind}}
    overridden = {"e": {"services": {"a": content, "b": content}}}
    check(json.dumps({"project": "p", "services": services, "environments": overridden}))


@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, "", "x", [], [[]], [None], [{}], {}, {"x": []}, {"secret": []}]
)
@pytest.mark.parametrize(("kind", "key"), [(k, key) for k, m in SERVICE_MODELS.items() for key in keys(m)])
def test_every_key_of_a_service_with_every_type(kind: str, key: str, value: object) -> None:
    check(
        json.dumps({"project": "p", "services": {"a": {"kind": kind, "port": 1, "health": "/", key: value}}})
    )
    check(json.dumps({"project": "p", "services": {"a": {"kind": kind, key: {"x": value, "y": [value]}}}}))


@unhurried
@given(st.integers(0, 10 * 365 * 86_400_000))
def test_durations_survive_being_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@unhurried
@given(st.integers(1, 1024**5))
def test_sizes_survive_being_written(size: int) -> None:
    assert parse_size(format_size(size)) == size
