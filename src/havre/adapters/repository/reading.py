"""Reads a checkout into frozen facts: bounded in number and size, and never through a link."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from havre.domain.blueprint.facts import CODE, Facts
from havre.errors import UsageError

MOST_FILES = 20_000
MOST_TEXTS = 3_000
LARGEST_TEXT = 256 * 1024
LARGEST_SUM = 24 * 1024 * 1024
DEEPEST = 10
GIT_SECONDS = 20.0

_SKIPPED = frozenset(
    {".git", "node_modules", ".venv", "venv", "__pycache__", ".next", ".nuxt",
     ".output", ".turbo", ".cache", "coverage", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox",
     "vendor", "bower_components", ".terraform", ".svelte-kit", ".angular", ".parcel-cache", ".idea",
     ".vscode", "target"}
)  # fmt: skip
_MADE = frozenset({"dist", "build", "out", "_site"})
"""Folders that a build makes, where a package file stands beside them."""
_PACKAGE_FILES = frozenset({"package.json", "pyproject.toml", "manage.py"})
_TELLING = re.compile(
    r"(^|/)(package\.json|angular\.json|pnpm-workspace\.yaml|pyproject\.toml|requirements[^/]*\.txt|Procfile"
    r"|manage\.py|alembic\.ini|schema\.prisma|\.nvmrc|\.node-version|\.python-version|yarn\.lock|\.gitmodules"
    r"|hugo\.\w+"
    r"|\.?env[^/]*|[^/]*Dockerfile[^/]*|(docker-)?compose\.ya?ml|\.eleventy\.js)$"
    r"|(^|/)requirements/[^/]+\.txt$"
)
_SECRETS = re.compile(r"(^|/)\.env($|\.(?!example|sample|dist|template|local\.example)[^/]*$)")
"""Files with real values: never read."""
_HEAD_ONLY = re.compile(r"(^|/)yarn\.lock$")
_HEAD = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read(folder: Path) -> Facts:
    """What a checkout holds.

    Links are not followed, whether to files or to folders; files with real values (``.env``) are not
    opened. Beyond the bounds of this module nothing is read, and ``cut`` says so.

    Raises:
        UsageError: there is no such folder.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="name the checkout of a repository")
    paths: list[str] = []
    cut: list[str] = []
    for path in _files(folder):
        if len(paths) >= MOST_FILES:
            cut.append(f"there are more than {MOST_FILES} files; the deepest were not looked at")
            break
        paths.append(path)
    texts = _texts(folder, paths, cut)
    branch, branches = _branches(folder)
    return Facts(folder.name, frozenset(paths), texts, branch, branches, tuple(cut))


def _files(root: Path) -> Iterator[str]:
    """Regular files, the shallow ones first."""
    level = [""]
    for _ in range(DEEPEST):
        deeper: list[str] = []
        for inside in level:
            try:
                entries = sorted(os.scandir(root / inside), key=lambda entry: entry.name)
            except OSError:
                continue
            is_package = any(entry.name in _PACKAGE_FILES for entry in entries)
            for entry in entries:
                path = f"{inside}{entry.name}"
                if _CONTROL.search(entry.name) or not _is_text(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED and not (entry.name in _MADE and is_package):
                        deeper.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    yield path
        level = deeper


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # a name in another encoding
        return False
    return True


def _texts(root: Path, paths: list[str], cut: list[str]) -> dict[str, str]:
    """Package files and settings first: they tell most, whatever the bounds leave out."""
    telling = [path for path in paths if _TELLING.search(path) and not _SECRETS.search(path)]
    code = [path for path in paths if path.endswith(CODE) and path not in set(telling)]
    wanted = telling + code
    texts: dict[str, str] = {}
    left = LARGEST_SUM
    for number, path in enumerate(wanted):
        if number >= MOST_TEXTS or left <= 0:
            cut.append(f"{len(wanted) - number} of {len(wanted)} files with code or settings were not read")
            break
        text = _text(root / path, most=_HEAD if _HEAD_ONLY.search(path) else LARGEST_TEXT)
        if text is not None:
            texts[path] = text
            left -= len(text)
    return texts


def _text(path: Path, *, most: int) -> str | None:
    """The beginning of a regular file; None for a link, a larger file, or one that is no text."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (most == LARGEST_TEXT and status.st_size > most):
            return None
        content = file.read(most)
    return None if b"\0" in content else content.decode("utf-8", errors="replace").removeprefix("\ufeff")


def _branches(root: Path) -> tuple[str, frozenset[str]]:
    """The main branch as far as Git tells, and all branches, without the names of remotes."""
    listed = _git(root, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin")
    names = set()
    for line in listed.splitlines():
        name = line.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/")
        if name != "HEAD":
            names.add(name)
    default = _git(root, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").strip()
    current = _git(root, "symbolic-ref", "--quiet", "HEAD").strip().removeprefix("refs/heads/")
    return default.removeprefix("refs/remotes/origin/") or current, frozenset(names)


def _git(root: Path, *arguments: str) -> str:
    """What Git answers, nothing where there is no Git or no repository."""
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *arguments),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
