"""From a branch, a tag or a commit id to a commit, by the names a repository advertises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from havre.adapters.git.command import Git, GitFailed
from havre.adapters.git.explain import explain
from havre.adapters.git.source import Source
from havre.errors import SourceError

MOST_NAMES = 8
_SYMBOLIC = re.compile(r"ref: refs/heads/(.+)\tHEAD")
_ADVERTISED = re.compile(r"([0-9a-f]{40})\t(\S+)")


@dataclass(frozen=True)
class Target:
    """What to fetch: ``name`` is a full ref or a commit id, ``commit`` None until it is known."""

    name: str
    commit: str | None
    branch: str | None = None


@dataclass(frozen=True)
class Advertised:
    """The refs of a repository, by full name; annotated tags by what they point at."""

    refs: Mapping[str, str]
    default_branch: str | None

    @property
    def branches(self) -> list[str]:
        """Names of the branches."""
        return sorted(x.removeprefix("refs/heads/") for x in self.refs if x.startswith("refs/heads/"))

    @property
    def tags(self) -> list[str]:
        """Names of the tags."""
        return sorted(x.removeprefix("refs/tags/") for x in self.refs if x.startswith("refs/tags/"))


def advertised(git: Git, source: Source, location: str) -> Advertised:
    """Ask a repository for its refs.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        listing = git.run("ls-remote", "--symref", "--", location)
    except GitFailed as failure:
        raise explain(failure.text, source) from failure
    symbolic = _SYMBOLIC.search(listing)
    refs: dict[str, str] = {}
    for commit, name in _ADVERTISED.findall(listing):
        refs[name.removesuffix("^{}")] = commit  # the peeled line of a tag comes after its own
    return Advertised(refs, symbolic[1] if symbolic else None)


def choose(known: Advertised, source: Source) -> Target:
    """What a source's ref means: a branch, else a tag, else a full ref name, else a commit id.

    Raises:
        SourceError: the repository is empty, or has nothing of that name.
    """
    if not known.refs:
        raise SourceError(f"{source.shown} has no commit yet.", hint="Commit and push something first.")
    if source.ref is None:
        if "HEAD" not in known.refs:
            raise SourceError(
                f"The default branch of {source.shown} ({known.default_branch or 'HEAD'}) has no commit.",
                hint=f"Name a branch; there are: {_listed(known.branches)}.",
            )
        return Target("HEAD", known.refs["HEAD"], known.default_branch)
    for name, branch in (
        (f"refs/heads/{source.ref}", source.ref),
        (f"refs/tags/{source.ref}", None),
        (
            source.ref,
            source.ref.removeprefix("refs/heads/") if source.ref.startswith("refs/heads/") else None,
        ),
    ):
        if name in known.refs and name != "HEAD":
            return Target(name, known.refs[name], branch)
    if source.is_commit:
        return Target(source.ref, source.ref if source.is_full_commit else None)
    raise SourceError(
        f"{source.shown} has no branch, tag or commit {source.ref!r}.", hint=_suggestion(known, source.ref)
    )


def _suggestion(known: Advertised, ref: str) -> str:
    close = get_close_matches(ref, [*known.branches, *known.tags], n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Its branches are: {_listed(known.branches)}."


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return (", ".join(names[:MOST_NAMES]) or "none") + more
