"""A clean checkout of one commit into an empty folder, and what there is to say about the commit."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from havre.adapters.git.command import Git, GitFailed, git_for
from havre.adapters.git.explain import explain
from havre.adapters.git.refs import Target, advertised, choose
from havre.adapters.git.source import Source
from havre.config import config
from havre.errors import SourceError

TIME_LIMIT = 900.0
"""Seconds a checkout may take unless the caller says otherwise."""

SUBMODULE_JOBS = "2"
_FETCHED = "refs/havre/source"


@dataclass(frozen=True)
class Checkout:
    """A commit's files.

    Args:
        commit: its id, 40 hexadecimal digits.
        subject: first line of its message.
        author_date: when it was written, with its time zone.
        branch: the branch it was taken from; None for a tag or a commit id.
        path: the sub-folder asked for, absolute; the repository's root without one.
        root: the repository's root; nothing below it leads outside at ``path``.
    """

    commit: str
    subject: str
    author_date: datetime
    branch: str | None
    path: Path
    root: Path


def never() -> bool:
    """Nobody asks to stop."""
    return False


def ignore(_line: str) -> None:
    """Nobody reads the log."""


def checkout(
    source: Source,
    destination: Path,
    *,
    report: Callable[[str], None] = ignore,
    cancelled: Callable[[], bool] = never,
    known_hosts: Path | None = None,
    time_limit: float = TIME_LIMIT,
) -> Checkout:
    """Bring the files of a source's commit, its submodules' too, into an empty folder.

    Only what is committed comes: never a work tree's untracked or changed files. Git's own folders
    are removed, so that neither addresses nor history get into an image, and the same commit always
    gives the same build context. Files kept with Git LFS stay pointers.

    Args:
        source: what to bring.
        destination: folder to fill; made if it is not there, else it must be empty.
        report: takes a line for the log.
        cancelled: asked all along; yes stops it.
        known_hosts: file of SSH servers' keys, by default the one in the state directory.
        time_limit: seconds for everything together.

    Raises:
        SourceError: the repository, the ref or the sub-folder is not there or cannot be read.
        Cancelled: ``cancelled`` said yes.
    """
    root = _empty_folder(destination)
    location, below = _locate(source)
    hosts = known_hosts or config().paths.known_hosts
    with git_for(source, known_hosts=hosts, cancelled=cancelled, time_limit=time_limit) as git:
        target = choose(advertised(git, source, location), source)
        report(f"reading {source.shown}, {source.ref or target.branch or 'HEAD'}")
        try:
            work = _Work(git, source, location, root, report)
            commit = work.fetch(target)
            work.run("checkout", "--quiet", "--detach", commit)
            work.submodules()
            shown = work.run("show", "-s", "--format=%H%x00%aI%x00%s", commit)
        except GitFailed as failure:
            raise explain(failure.text, source, doing="checked out") from failure
    commit, date, subject = shown.rstrip("\n").split("\0", 2)
    if _uses_lfs(root):
        report("warning: the repository uses Git LFS; those files stay pointers")
    _remove_git_folders(root)
    path = _subfolder(root, Path(below) / (source.subfolder or ""), source)
    report(f"checked out {commit[:12]} {subject}")
    return Checkout(commit, subject, datetime.fromisoformat(date), target.branch, path, root)


def resolve(
    source: Source,
    *,
    cancelled: Callable[[], bool] = never,
    known_hosts: Path | None = None,
    time_limit: float = TIME_LIMIT,
) -> str:
    """The commit (40 hexadecimal digits) that a source means now, without bringing any file.

    A complete commit id is given back as it is; an abbreviated one needs the whole history.

    Raises:
        SourceError: the repository or the ref is not there or cannot be read.
        Cancelled: ``cancelled`` said yes.
    """
    location, _ = _locate(source)
    hosts = known_hosts or config().paths.known_hosts
    with git_for(source, known_hosts=hosts, cancelled=cancelled, time_limit=time_limit) as git:
        target = choose(advertised(git, source, location), source)
        if target.commit:
            return target.commit
        with tempfile.TemporaryDirectory(prefix="havre-resolve-") as folder:
            try:
                return _Work(git, source, location, Path(folder), ignore).fetch(target)
            except GitFailed as failure:
                raise explain(failure.text, source) from failure


@dataclass(frozen=True)
class _Work:
    """A repository being brought to a folder."""

    git: Git
    source: Source
    location: str
    root: Path
    report: Callable[[str], None]

    def run(self, *arguments: str) -> str:
        return self.git.run(*arguments, folder=self.root)

    def fetch(self, target: Target) -> str:
        """Bring a target's objects; gives back its commit."""
        self.run("init", "--quiet")
        # Relative addresses of submodules are relative to this one.
        self.run("config", "remote.origin.url", self.location)
        if target.commit:
            try:
                self.run("fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+{target.name}:{_FETCHED}")
                return self.run("rev-parse", "--verify", f"{_FETCHED}^{{commit}}").strip()
            except GitFailed as failure:
                if not _needs_history(failure.text):
                    raise
        self.report("the server gives no single commit; reading the whole history")
        every = ("+refs/heads/*:refs/havre/heads/*", "+refs/tags/*:refs/havre/tags/*")
        self.run("fetch", "--quiet", "--no-tags", "--update-shallow", "origin", *every)
        name = target.commit or target.name
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
        except GitFailed as failure:
            raise SourceError(
                f"{self.source.shown} has no commit {name} on any branch or tag.",
                hint="Push it first; of an abbreviated id, check that it means one commit only.",
            ) from failure

    def submodules(self) -> None:
        """Bring the files of submodules, theirs too."""
        if not (self.root / ".gitmodules").is_file():
            return
        self.report("reading submodules")
        update = ("submodule", "--quiet", "update", "--init", "--recursive", f"--jobs={SUBMODULE_JOBS}")
        try:
            self.run(*update, "--depth=1")
        except GitFailed as failure:
            if not _needs_history(failure.text) and "did not contain" not in failure.text:
                raise
            self.run(*update)


def _needs_history(text: str) -> bool:
    """Whether a shallow fetch failed for a reason for which a complete one need not."""
    reasons = ("not our ref", "unadvertised object", "shallow", "couldn't find remote ref", "could not parse")
    return any(reason in text.lower() for reason in reasons)


def _empty_folder(destination: Path) -> Path:
    destination.mkdir(parents=True, exist_ok=True)
    if any(destination.iterdir()):
        raise SourceError(f"The folder {destination} for the checkout is not empty.")
    return destination.resolve()


def _locate(source: Source) -> tuple[str, str]:
    """What to call Git with, and the path below the repository's root that a local source names.

    The repository is found by its shape, without asking Git inside a folder that others may write to.
    """
    path = source.local_path
    if path is None:
        return source.without_credentials()[0], ""
    try:
        path = path.resolve()
        is_folder = path.is_dir()
    except (OSError, ValueError):  # a name that no file can have
        is_folder = False
    if not is_folder:
        raise SourceError(
            f"There is no folder {str(path)[:200]}.", hint="Check the path; it is one of the server."
        )
    for folder in (path, *path.parents):
        if (folder / ".git").exists() or _is_bare(folder):
            return str(folder), "" if folder == path else str(path.relative_to(folder))
    raise SourceError(
        f"{path} is not in a Git repository.", hint="Run “git init”, then commit what is to be deployed."
    )


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _subfolder(root: Path, below: Path, source: Source) -> Path:
    try:
        path = (root / below).resolve()
        is_folder = path.is_dir()
    except (OSError, ValueError) as error:  # a name that no file can have: too long, or with a zero byte
        raise SourceError(
            f"{str(below)[:100]!r} cannot be a folder of {source.shown}", hint="correct the sub-folder"
        ) from error
    if not path.is_relative_to(root):
        raise SourceError(f"The sub-folder {below} of {source.shown} leads out of the repository.")
    if is_folder:
        return path
    folders = [
        str((Path(folder) / name).relative_to(root)) for folder, names, _ in os.walk(root) for name in names
    ]
    close = get_close_matches(str(below), folders, n=1, cutoff=0.5)
    raise SourceError(
        f"{source.shown} has no folder {below}" + (f" at {source.ref}." if source.ref else "."),
        hint=f"Did you mean {close[0]}?" if close else "Check that it is committed.",
    )


def _uses_lfs(root: Path) -> bool:
    attributes = root / ".gitattributes"
    return attributes.is_file() and not attributes.is_symlink() and b"filter=lfs" in attributes.read_bytes()


def _remove_git_folders(root: Path) -> None:
    """Remove the repository's and the submodules' ``.git``; Git lets nobody commit one of that name."""
    for folder, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
            shutil.rmtree(Path(folder) / ".git", onerror=_make_writable)
        if ".git" in files:
            (Path(folder) / ".git").unlink()


def _make_writable(function: Callable[[str], object], path: str, _info: object) -> None:
    """Git's objects are read-only; who is not root must change that before removing them."""
    Path(path).parent.chmod(stat.S_IRWXU)
    function(path)
