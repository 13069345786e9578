"""Workspaces of uv: several projects that share one uv.lock.

https://docs.astral.sh/uv/concepts/projects/workspaces/
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from havre.domain.blueprint.facts import Facts, join, table
from havre.domain.blueprint.packages import matches

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class UvWorkspace:
    """A workspace, as one of its projects sees it.

    Args:
        root: folder of the workspace, where its uv.lock is; the context of builds.
        inside: folder of the project, relative to it; ``.`` for the root itself.
        name: of the project, as ``uv --package`` takes it.
        members: folders of the members, relative to the root.
        names: normalized names of the members.
    """

    root: str
    inside: str
    name: str
    members: tuple[str, ...]
    names: frozenset[str]


def workspace_of(facts: Facts, folder: str) -> UvWorkspace | None:
    """The workspace that a project belongs to, None if it stands alone."""
    name = table(facts.toml(folder, "pyproject.toml").get("project")).get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    parts = [] if folder == "." else folder.split("/")
    for depth in range(len(parts), -1, -1):
        root = "/".join(parts[:depth]) or "."
        inside = "/".join(parts[depth:]) or "."
        members = _members(facts, root)
        if members and (inside == "." or inside in members):
            names = (
                table(facts.toml(root, member, "pyproject.toml").get("project")).get("name")
                for member in members
            )
            known = frozenset(canonicalize_name(one) for one in names if isinstance(one, str))
            return UvWorkspace(root, inside, name, members, known)
    return None


def _members(facts: Facts, root: str) -> tuple[str, ...]:
    declared = table(table(table(facts.toml(root, "pyproject.toml").get("tool")).get("uv")).get("workspace"))
    patterns, excluded = (
        [one for one in declared.get(key) or () if isinstance(one, str)] for key in ("members", "exclude")
    )
    prefix = "" if root == "." else f"{root}/"
    folders = [
        path.removeprefix(prefix).removesuffix("/pyproject.toml")
        for path in facts.below(root)
        if path.endswith("/pyproject.toml") and path != join(root, "pyproject.toml")
    ]
    return tuple(
        folder
        for folder in folders
        if any(matches(folder, one) for one in patterns) and not any(matches(folder, one) for one in excluded)
    )
