"""Files that tell what a repository is made of, and cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.proposal import Gap

ASIDE = frozenset({"test", "tests", "__tests__", "e2e", "fixtures", "example", "examples", "samples"})
"""Folders that a repository is not about."""


def unreadable(facts: Facts) -> Iterator[Gap]:
    """The package files that are there and say nothing, outside of tests and examples."""
    for path in facts.below("."):
        folders, _, name = path.rpartition("/")
        if name not in {"package.json", "pyproject.toml"} or ASIDE & set(folders.split("/")):
            continue
        if path not in facts.texts:
            yield _gap(path, "it is no text, or too large, or there are too many files")
        elif name == "package.json" and not facts.is_json(path):
            yield _gap(path, "it is no object in JSON")
        elif name == "pyproject.toml" and not facts.is_toml(path):
            yield _gap(path, "it is no TOML")


def _gap(path: str, why: str) -> Gap:
    return Gap(path, f"could not be read: {why}", "mend it and run havre init again")
