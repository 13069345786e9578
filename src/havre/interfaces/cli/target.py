"""Which project and repository a command means: named, or the one around the current folder."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from havre.errors import ManifestError, SourceError, UsageError

MANIFEST = "havre.yaml"
_URL = re.compile(r"^([a-z][a-z0-9+.-]*://|[^/\s]+@[^/\s]+:)", re.IGNORECASE)
_GIT_TIMEOUT = 20
_EXPRESSION = re.compile(r"[~^:\s]|@\{|\.\.|^-|^(?:HEAD|@)$")  # what no name of a branch or a tag holds


@dataclass(frozen=True)
class Checkout:
    """A project on this machine.

    ``folder`` holds the manifest; ``root`` is the Git repository around it, None without one.
    """

    project: str
    folder: Path
    root: Path | None

    @property
    def subfolder(self) -> str:
        """Where the manifest is inside the repository, empty at its root."""
        return (
            "" if self.root is None or self.folder == self.root else str(self.folder.relative_to(self.root))
        )


def is_url(source: str) -> bool:
    """Whether a source names a repository elsewhere (``https://…``, ``git@host:…``), not a folder."""
    return bool(_URL.match(source))


def find(start: Path) -> Checkout | None:
    """The project around a folder: the nearest ``havre.yaml`` going up, not beyond its repository.

    Raises:
        ManifestError: the manifest cannot be read far enough to know the project's name.
    """
    start = start.resolve()
    manifest: Path | None = None
    root: Path | None = None
    for folder in (start, *start.parents):
        if manifest is None and (folder / MANIFEST).is_file():
            manifest = folder / MANIFEST
        if (folder / ".git").exists():  # a file in worktrees and submodules
            root = folder
            break
    return None if manifest is None else Checkout(project_in(manifest), manifest.parent, root)


def project_in(manifest: Path) -> str:
    """The name of the project that a manifest describes; the rest of it is not looked at.

    Raises:
        ManifestError: it is not YAML, or names no project.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - start-up time
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - start-up time

    try:
        found = YAML(typ="safe", pure=True).load(manifest.read_text(encoding="utf-8"))
    except (YAMLError, OSError, ValueError) as error:
        raise ManifestError(
            f"{manifest} cannot be read", hint="run `havre manifest check`", detail=str(error)
        ) from error
    name = found.get("project") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name:
        raise ManifestError(f"{manifest} names no project", hint="begin it with a line `project: NAME`")
    return name


def project_around(start: Path) -> str:
    """The name of the project around a folder.

    Raises:
        UsageError: there is none.
    """
    found = find(start)
    if found is None:
        raise UsageError(
            f"no {MANIFEST} in {start} or above it",
            hint="go into the project's repository, or name the project: --project NAME",
        )
    return found.project


@dataclass(frozen=True)
class Deployment:
    """What ``havre deploy`` is asked to deploy.

    ``source`` is a path or a Git URL, None for the one Havre remembers; ``checkout`` is set when the
    source is a folder of this machine.
    """

    project: str
    source: str | None
    subfolder: str
    checkout: Checkout | None = None


def deployment(start: Path, *, project: str, source: str, subfolder: str) -> Deployment:
    """What to deploy, from the options and the current folder.

    Args:
        start: the current folder.
        project: ``--project``, empty if not given.
        source: ``--source``: a folder or a Git URL, empty if not given.
        subfolder: ``--subfolder``, empty if not given.

    Raises:
        UsageError: nothing says what to deploy, or the options contradict the manifest.
    """
    if is_url(source):
        if not project:
            raise UsageError(
                "the project's name is not known before its repository is read",
                hint=f"name it: havre deploy --project NAME --source {source}",
            )
        return Deployment(project, source, subfolder)
    if project and not source:
        here = find(start)
        if here is None or here.project != project:
            return Deployment(project, None, subfolder)
    folder = start / source / subfolder
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint="--source takes a folder or a Git URL")
    checkout = find(folder)
    if checkout is None:
        raise UsageError(
            f"no {MANIFEST} in {folder} or above it",
            hint="write one with `havre init`, or name a project that Havre knows: --project NAME",
        )
    if checkout.root is None:
        raise UsageError(
            f"{checkout.folder} is not in a Git repository; Havre deploys commits",
            hint="make one: git init && git add -A && git commit -m 'First version'",
        )
    if project and project != checkout.project:
        raise UsageError(
            f"{checkout.folder / MANIFEST} is the project {checkout.project}, not {project}",
            hint="leave --project out, or go to the repository of that project",
        )
    return Deployment(checkout.project, str(checkout.root), checkout.subfolder, checkout)


def changes(root: Path) -> list[str]:
    """The files of a work tree that differ from its last commit, also new ones.

    Raises:
        SourceError: Git cannot read the repository.
    """
    return [line[3:] for line in git(root, "status", "--porcelain").splitlines() if line.strip()]


def head(root: Path) -> tuple[str, str]:
    """Hash and subject of the commit that is checked out.

    Raises:
        SourceError: there is no commit yet, or Git cannot read the repository.
    """
    commit, _, subject = git(root, "log", "-1", "--format=%H %s").strip().partition(" ")
    return commit, subject


def ref_of(root: Path, ref: str) -> str:
    """What a ref is called elsewhere: names and commit ids as they are, ``HEAD~1`` and its like as an id.

    Raises:
        UsageError: the repository has no such commit.
    """
    if not _EXPRESSION.search(ref):
        return ref
    verify = ("rev-parse", "--verify", "--quiet")
    try:
        # What begins with a hyphen would be an option; no expression does.
        found = "" if ref.startswith("-") else git(root, *verify, ref).strip()
        found = git(root, *verify, f"{found}^{{commit}}").strip() if found else ""
    except SourceError:
        found = ""
    if not found:
        raise UsageError(
            f"--ref {ref!r} means no commit of {root}",
            hint="name a branch, a tag or a commit; `git rev-parse` takes the same expressions",
        )
    return found


def origin(root: Path) -> str:
    """The URL of the remote ``origin``, empty if there is none."""
    try:
        return git(root, "remote", "get-url", "origin").strip()
    except SourceError:
        return ""


def unpushed(root: Path) -> int:
    """How many commits the branch is ahead of its upstream; 0 when it has none."""
    try:
        return int(git(root, "rev-list", "--count", "@{upstream}..HEAD"))
    except (SourceError, ValueError):
        return 0


def git(root: Path, *arguments: str) -> str:
    """What Git answers.

    Raises:
        SourceError: Git is missing, refused or hung.
    """
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *arguments),
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceError("Git is not installed here", hint="apt install git") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"Git did not answer in {root}", hint="is the disk or share reachable?") from error
    if done.returncode:
        told = done.stderr.strip()
        if "does not have any commits" in told:
            raise SourceError(f"{root} has no commit yet", hint="git add -A && git commit -m 'First version'")
        if "dubious ownership" in told:
            raise SourceError(
                f"Git refuses {root}: it belongs to another account",
                hint=f"git config --global --add safe.directory {root}",
            )
        raise SourceError(f"Git failed in {root}", detail=told)
    return done.stdout
