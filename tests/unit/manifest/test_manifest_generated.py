"""What is generated from the models: complete, valid, and the same as what is committed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter
from ruamel.yaml import YAML

from havre.manifest import Manifest, load, load_file
from havre.manifest.__main__ import GENERATED, main
from havre.manifest.fields import keys, models_in
from havre.manifest.reference_page import SECTIONS
from havre.manifest.schema import json_schema, reference_markdown, sample_yaml
from support.manifests import DESIGN, WITH_EVERYTHING, app

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def all_models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [Manifest]
    for model in found:
        for info in keys(model).values():
            found.extend(below for below in models_in(info.annotation) if below not in found)
    return found


FIELDS = [(model, key) for model in all_models() for key in keys(model)]


def data(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(("model", "key"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_every_key_has_a_description_and_a_valid_example(model: type[BaseModel], key: str) -> None:
    info = keys(model)[key]
    assert info.description
    assert info.examples
    for example in info.examples:
        TypeAdapter(info.rebuild_annotation()).validate_python(example)


def test_every_model_has_a_section() -> None:
    assert {model for _, model in SECTIONS} == set(all_models())


@pytest.mark.parametrize(("title", "model"), SECTIONS, ids=lambda part: getattr(part, "__name__", ""))
def test_every_key_is_on_the_reference_page(title: str, model: type[BaseModel]) -> None:
    section = reference_markdown().split(f"\n## {title}\n")[1].split("\n## ")[0]
    for key, info in keys(model).items():
        assert f"| `{key}` |" in section
        assert info.description is not None
        assert info.description in section


def test_links_of_the_reference_page_lead_to_its_headings() -> None:
    page = reference_markdown()
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    headings = {title.lower().replace(":", "").replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= headings


def test_the_sample_is_valid_and_holds_every_key() -> None:
    manifest = load(sample_yaml())
    assert manifest.for_environment("production").services.keys() == {"db", "cache", "api", "web"}
    for _, key in FIELDS:
        if key != "secret":
            assert re.search(rf"^[ #-]*{key}:", sample_yaml(), re.MULTILINE), key


@pytest.mark.parametrize("name", GENERATED)
def test_the_committed_files_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name](), "run python -m havre.manifest"


def test_the_module_writes_the_files(tmp_path: Path) -> None:
    main(tmp_path / "reference")
    assert {path.name for path in (tmp_path / "reference").iterdir()} == GENERATED.keys()
    assert load_file(tmp_path / "reference" / "havre.sample.yaml").project == "shop"


def test_the_json_schema_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    "text",
    [
        DESIGN,
        WITH_EVERYTHING,
        app("build: apps/api\nvolumes: ['v:/v']\ncommand: [a, b]\nenv: {A: 1}"),
        "sample",
    ],
)
def test_the_json_schema_accepts_what_loads(text: str) -> None:
    text = sample_yaml() if text == "sample" else text
    load(text)
    jsonschema.Draft202012Validator(json_schema()).validate(data(text))


@pytest.mark.parametrize(
    "text",
    [
        app("replicas: two"),
        app("replica: 2"),
        app("drain: 10"),
        app("domain: a.org\ndomains: [{host: b.org}]"),
        app("env: {A: true}"),
        app("env: {1A: x}"),
        app("strategy: rollin"),
        app().replace("health: /up", "replicas: 1"),
        app(rest="environments: {staging: {services: {api: {replica: 1}}}}\n"),
        app(rest="environments: {staging: {services: {api: {health: {intervall: 1s}}}}}\n"),
        app(rest="environment: {}\n"),
        "project: p\nservices: {db: {kind: postgres, version: 16}}\n",
        "project: p\nservices: {}\n",
        "project: p\n",
    ],
)
def test_the_json_schema_refuses_what_an_editor_should_underline(text: str) -> None:
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(data(text))


def test_defaults_are_written_as_a_manifest_says_them() -> None:
    properties = json_schema()["$defs"]["AppService"]["properties"]
    assert properties["drain"]["default"] == "10s"
    assert properties["max_body"]["default"] == "100M"
    assert "default" not in properties["strategy"]
