from __future__ import annotations

import json
from pathlib import Path

import pytest

from havre.interfaces.api import reference

FOLDER = Path(__file__).parents[4] / reference.FOLDER


@pytest.mark.parametrize("name", ["openapi.json", "api.md"])
def test_the_file_is_current(name: str) -> None:
    told = "run: python -m havre.interfaces.api.reference"
    assert (FOLDER / name).read_text() == reference.files()[name], told


def test_every_request_has_a_summary() -> None:
    paths = json.loads((FOLDER / "openapi.json").read_text())["paths"]
    assert paths
    for path, methods in paths.items():
        for method, told in methods.items():
            assert told.get("summary"), f"{method} {path}"
