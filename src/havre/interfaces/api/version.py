"""Which Havre this is."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path


@lru_cache(maxsize=1)
def version() -> str:
    """The version of the installed package, else of the checkout that runs."""
    try:
        return metadata.version("havre")
    except metadata.PackageNotFoundError:
        project = Path(__file__).parents[4] / "pyproject.toml"
        try:
            return str(tomllib.loads(project.read_text())["project"]["version"])
        except (OSError, KeyError, ValueError):
            return "unknown"
