from __future__ import annotations

from pathlib import Path

from havre import reference
from havre.config import Config

PAGE = Path(__file__).parents[2] / reference.PAGE


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == reference.markdown(), "run: python -m havre.reference"


def test_every_setting_is_told() -> None:
    page = PAGE.read_text()
    for name, field in Config.model_fields.items():
        assert field.description, name
        assert f"| `HAVRE_{name.upper()}` | `{name}` |" in page
