"""A text that an operation was given counts in place of the file of its repository."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from havre.errors import ManifestError, UsageError
from havre.operations.source import SourceReader
from havre.records import manifests, queries

FILE = "project: shop\nservices:\n  web: {kind: app, build: ., port: 80, health: /}\n"


@pytest.fixture
def reader(transactional_db, tmp_path):
    environment = queries.ensure_environment("shop", "production", source="git@git.example:shop.git")
    operation = queries.enqueue("plan", environment, {"ref": "main"}, actor="lea")
    run = SimpleNamespace(operation=operation, project="shop", environment=environment)
    made = SourceReader.__new__(SourceReader)
    made.run = run
    made._checkout = SimpleNamespace(path=tmp_path, root=tmp_path, branch="main")
    return made


def test_the_file_of_the_repository_is_read_and_remembered(reader, tmp_path):
    (tmp_path / "havre.yaml").write_text(FILE)
    _, spec = reader.read()
    assert spec.services["web"].port == 80
    assert manifests.newest(reader.run.environment).text == FILE
    assert manifests.given(reader.run.operation) == ""


def test_a_given_text_goes_before_it_and_needs_none(reader, tmp_path):
    manifests.give(reader.run.operation, FILE.replace("80", "81"))
    assert reader.read()[1].services["web"].port == 81
    (tmp_path / "havre.yaml").write_text("nonsense: 1")
    assert reader.read()[1].services["web"].port == 81
    assert manifests.given(reader.run.operation) == FILE.replace("80", "81")


def test_a_missing_file_and_one_of_another_project_are_told(reader, tmp_path):
    with pytest.raises(ManifestError, match="no such file"):
        reader.read()
    (tmp_path / "havre.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError):
        reader.read()
    (tmp_path / "havre.yaml").write_text(FILE.replace("shop", "other"))
    with pytest.raises(UsageError, match="describes the project other"):
        reader.read()
