"""The ``.dockerignore`` files that generated Dockerfiles need, where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.proposal import Component, NewFile

_NODE = ("**/node_modules", "**/dist", "**/build", "**/.next", "**/.output", "**/coverage",
         "**/*.tsbuildinfo", "**/.turbo", "**/.gitignore")  # fmt: skip
_PYTHON = ("**/__pycache__", "**/*.pyc", "**/.venv", "**/venv", "**/.pytest_cache", "**/.mypy_cache",
           "**/.ruff_cache", "**/*.sqlite3", "**/*.egg-info")  # fmt: skip
_HUGO = ("public", "resources/_gen", ".hugo_build.lock")
_LINES = {"node.Dockerfile.j2": _NODE, "python.Dockerfile.j2": _PYTHON, "hugo.Dockerfile.j2": _HUGO}


def ignore_files(facts: Facts, components: Iterable[Component]) -> Iterator[NewFile]:
    """One for each build context that a Dockerfile is written for and that has none."""
    contexts: dict[str, dict[str, None]] = {}
    for component in components:
        context = next((str(entry.value) for entry in component.build if entry.key == "context"), ".")
        for file in component.files:
            contexts.setdefault(context, {}).update(dict.fromkeys(_lines(facts, component, file)))
    for context, lines in contexts.items():
        if not facts.has(context, ".dockerignore"):
            path = join(context, ".dockerignore")
            yield NewFile(
                path,
                "dockerignore.j2",
                {"lines": tuple(lines)},
                "keeps secrets and leftovers out of the build",
            )


def _lines(facts: Facts, component: Component, file: NewFile) -> Iterator[str]:
    """A folder that holds sources is not left out, though others make theirs anew."""
    for line in _LINES[file.template]:
        folder = line.removeprefix("**/")
        if folder in {"dist", "build"} and any(
            f"/{folder}/" in f"/{path}" for path in facts.below(component.folder)
        ):
            continue
        yield line
