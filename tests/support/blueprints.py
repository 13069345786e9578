"""Repositories as values, and the manifest that is proposed for them."""

from __future__ import annotations

import json
from typing import Any

from ruamel.yaml import YAML

from havre.blueprints import render
from havre.domain.blueprint.decide import propose
from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.manifest_text import manifest_text
from havre.domain.blueprint.proposal import Proposal
from havre.manifest import load


def facts(
    files: dict[str, Any], *, name: str = "shop", branch: str = "main", branches: tuple[str, ...] = ()
) -> Facts:
    """A repository of these files; a mapping is written as JSON."""
    texts = {path: text if isinstance(text, str) else json.dumps(text) for path, text in files.items()}
    return Facts(name, frozenset(files), texts, branch, frozenset({branch, *branches} - {""}))


class Proposed:
    """What is proposed for a repository; that the manifest is valid has been checked."""

    def __init__(self, files: dict[str, Any], *, domain: str = "", **more: Any) -> None:
        self.proposal: Proposal = propose(facts(files, **more), domain=domain)
        self.text = manifest_text(self.proposal)
        load(self.text)
        self.data: dict[str, Any] = YAML(typ="safe", pure=True).load(self.text)
        self.services: dict[str, Any] = self.data["services"]

    def dockerfile(self, path: str = "Dockerfile") -> str:
        """The text of a file that would be written."""
        return next(render(file) for file in self.proposal.files if file.path == path)

    @property
    def files(self) -> set[str]:
        """Paths of the files that would be written."""
        return {file.path for file in self.proposal.files}

    def gaps(self, *, blocking: bool) -> set[str]:
        """What is missing, by its place."""
        return {gap.about for gap in self.proposal.gaps if gap.blocking == blocking and gap.about != "domain"}


def package(
    scripts: dict[str, str] | None = None, *libraries: str, dev: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A package.json."""
    return {
        "name": "shop",
        "scripts": scripts or {},
        "dependencies": dict.fromkeys(libraries, "^1.0.0"),
        "devDependencies": dict.fromkeys(dev, "^1.0.0"),
        **more,
    }
