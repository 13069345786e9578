"""The packages of package.json files, and the workspaces that hold them together."""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from havre.domain.blueprint.facts import Facts, join, table

YARN_CLASSIC = "yarn@1.22.22"
YARN_MODERN = "@yarnpkg/cli-dist@4.18.1"
_SAFE_NAME = re.compile(r"(@[A-Za-z0-9._~-]+/)?[A-Za-z0-9._~-]+")


@dataclass(frozen=True)
class Package:
    """One package.json: ``folder`` is where it stands."""

    folder: str
    data: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Its name, if it is one that a command line may hold."""
        name = self.data.get("name")
        return name if isinstance(name, str) and _SAFE_NAME.fullmatch(name) else ""

    @cached_property
    def scripts(self) -> dict[str, str]:
        """Its scripts."""
        return {key: text for key, text in table(self.data.get("scripts")).items() if isinstance(text, str)}

    @cached_property
    def production(self) -> frozenset[str]:
        """Names of the libraries that it runs with."""
        return frozenset(table(self.data.get("dependencies")))

    @cached_property
    def all(self) -> frozenset[str]:
        """Names of the libraries that it runs and is built with."""
        return self.production | frozenset(table(self.data.get("devDependencies")))


@dataclass(frozen=True)
class Workspace:
    """A package.json with its lock file, and the packages that share it (none of its own alone).

    Args:
        folder: where it stands; the context of builds.
        root: the package there.
        members: the others, by folder.
        manager: ``npm``, ``pnpm``, ``yarn`` or ``berry`` (Yarn 2 and later).
        lock: name of the lock file, empty without one.
        tool: what npm has to install to have that manager; empty where the image has it.
        why: what told the manager.
    """

    folder: str
    root: Package
    members: Mapping[str, Package]
    manager: str
    lock: str
    tool: str
    why: str

    @property
    def is_shared(self) -> bool:
        """Whether several packages share it."""
        return bool(self.members)

    def needed_by(self, package: Package) -> tuple[Package, ...]:
        """The other members that a package depends on, each after those that it needs itself."""
        by_name = {member.name: member for member in self.members.values() if member.name}
        found: dict[str, Package] = {}

        def visit(one: Package, path: tuple[str, ...]) -> None:
            for name in sorted(one.all):
                other = by_name.get(name)
                if other is None or other.folder in path or other.folder in found:
                    continue
                visit(other, (*path, other.folder))
                found[other.folder] = other

        visit(package, (package.folder,))
        return tuple(found.values())


def workspaces(facts: Facts) -> list[Workspace]:
    """Every workspace and every package that stands alone, the outer ones first."""
    folders = [path.removesuffix("package.json").rstrip("/") or "." for path in facts.below(".")
               if path.rpartition("/")[2] == "package.json"]  # fmt: skip
    packages = {folder: Package(folder, facts.json(folder, "package.json")) for folder in folders}
    found: list[Workspace] = []
    taken: set[str] = set()
    for folder, package in packages.items():
        if folder in taken:
            continue
        patterns = list(_patterns(facts, package))
        members = {
            other: packages[other]
            for other in packages
            if other != folder and other not in taken and _is_member(folder, other, patterns)
        }
        taken |= {folder, *members}
        found.append(_workspace(facts, package, members))
    return found


def _patterns(facts: Facts, package: Package) -> Iterator[str]:
    declared = package.data.get("workspaces")
    declared = declared.get("packages") if isinstance(declared, dict) else declared
    text = facts.text(package.folder, "pnpm-workspace.yaml")
    if text:
        with contextlib.suppress(YAMLError):
            declared = table(YAML(typ="safe", pure=True).load(text)).get("packages") or declared
    yield from (pattern for pattern in declared or () if isinstance(pattern, str))


def _is_member(root: str, folder: str, patterns: list[str]) -> bool:
    inside = folder if root == "." else folder.removeprefix(f"{root}/")
    if root != "." and not folder.startswith(f"{root}/"):
        return False
    wanted = any(matches(inside, pattern) for pattern in patterns if not pattern.startswith("!"))
    return wanted and not any(matches(inside, pattern[1:]) for pattern in patterns if pattern.startswith("!"))


def matches(folder: str, pattern: str) -> bool:
    """Whether a folder of a workspace is one of those that a pattern of its members means."""
    pattern = pattern.removeprefix("./").rstrip("/")
    if pattern.endswith("/**"):
        return folder.startswith(pattern[:-2])
    return pattern.count("/") == folder.count("/") and fnmatch.fnmatchcase(folder, pattern)


_LOCKS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
}


def _workspace(facts: Facts, root: Package, members: Mapping[str, Package]) -> Workspace:
    lock = facts.first(root.folder, *_LOCKS).rpartition("/")[2]
    declared = str(root.data.get("packageManager") or "")
    manager = _LOCKS.get(lock) or declared.partition("@")[0]
    why = lock or (f"packageManager: {declared}" if declared else "no lock file")
    if manager not in {"npm", "pnpm", "yarn"}:
        manager = "npm"
    tool = ""
    if manager == "yarn":
        version = re.fullmatch(r"yarn@(\d+\.\d+\.\d+)([+-].*)?", declared)
        old = (
            version[1].startswith("1.") if version else "# yarn lockfile v1" in facts.text(root.folder, lock)
        )
        manager = "yarn" if old else "berry"
        package, _, usual = (YARN_CLASSIC if old else YARN_MODERN).rpartition("@")
        tool = f"{package}@{version[1] if version else usual}"
    return Workspace(root.folder, root, members, manager, lock, tool, why)


def inputs(facts: Facts, workspace: Workspace) -> list[tuple[list[str], str]]:
    """What a package manager reads, as sources and targets of ``COPY`` in the workspace's folder."""
    files = [
        name
        for name in ("package.json", workspace.lock, "pnpm-workspace.yaml", ".npmrc", ".yarnrc",
                     ".yarnrc.yml", ".pnpmfile.cjs", ".pnpmfile.mjs")
        if name and facts.has(workspace.folder, name)
    ]  # fmt: skip
    folders = facts.folders(workspace.folder)
    found = [(files, "./")]
    found += [([name], f"{name}/") for name in ("patches", "prisma") if name in folders]
    if any(path.startswith(join(workspace.folder, ".yarn") + "/") for path in facts.paths):
        found.append(([".yarn"], ".yarn/"))
    for folder in sorted(workspace.members):
        inside = folder if workspace.folder == "." else folder.removeprefix(f"{workspace.folder}/")
        found.append(([f"{inside}/package.json"], f"{inside}/"))
    return found
