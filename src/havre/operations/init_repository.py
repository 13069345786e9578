"""Init: read a repository, propose a manifest and Dockerfiles, write them when they are confirmed.

Needs no server and no engine.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from havre.adapters.repository.reading import read
from havre.blueprints import render
from havre.domain.blueprint.decide import propose
from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.manifest_text import manifest_text
from havre.domain.blueprint.proposal import Gap, Proposal
from havre.domain.blueprint.unreadable import unreadable
from havre.errors import ConflictError, ManifestError, UsageError
from havre.manifest import load

MANIFEST: Final = "havre.yaml"
MARK: Final = "Written by `havre init`"
BACKUP: Final = ".bak"


@dataclass(frozen=True)
class Draft:
    """A file as it would be written.

    Args:
        path: relative to the folder of the repository.
        text: its content.
        why: why it is needed.
        present: what stands there now; None if there is no such file.
    """

    path: str
    text: str
    why: str
    present: str | None = None

    @property
    def state(self) -> str:
        """``new``, ``same`` or ``differs``."""
        return "new" if self.present is None else "same" if self.present == self.text else "differs"

    @property
    def lost(self) -> str:
        """What writing it would change, as a diff; empty for a new file."""
        if self.present is None:
            return ""
        lines = difflib.unified_diff(
            self.present.splitlines(),
            self.text.splitlines(),
            self.path,
            f"{self.path} (proposed)",
            lineterm="",
            n=1,
        )
        return "\n".join(lines)


@dataclass(frozen=True)
class Drafts:
    """What ``havre init`` would write into a repository, and why."""

    folder: Path
    proposal: Proposal
    files: tuple[Draft, ...]

    @property
    def blocking(self) -> tuple[Gap, ...]:
        """What keeps a deployment from succeeding until somebody does something about it."""
        return tuple(gap for gap in self.proposal.gaps if gap.blocking)


def draft(folder: Path, *, domain: str = "", project: str = "", force: bool = False) -> Drafts:
    """Read a repository and say what would be written.

    Args:
        folder: the checkout.
        domain: a host name of the user's, empty for ``PROJECT.localhost``.
        project: name of the project, empty for the repository's own.
        force: make files anew that an earlier ``havre init`` wrote.

    Raises:
        UsageError: there is no such folder, nothing in it can be deployed, or an option is not valid.
    """
    facts = read(folder)
    if force:
        facts = _without_own(facts)
    proposal = propose(facts, domain=domain, project=project)
    if not proposal.services:
        raise UsageError(
            f"nothing in {folder} looks like an application",
            hint="Havre knows Dockerfiles, package.json, pyproject.toml, requirements.txt and index.html; "
            "for anything else add a Dockerfile and run it again, or begin with `havre manifest sample`",
            detail="\n".join(f"{gap.about} {gap.what}" for gap in unreadable(facts)),
        )
    text = manifest_text(proposal)
    try:
        load(text)
    except ManifestError as error:
        # Names and domains come from options; what comes out of the repository is held valid by tests.
        raise UsageError(
            "these options make no valid havre.yaml", hint="correct them", detail=str(error)
        ) from error
    wanted = [
        (MANIFEST, text, "what Havre runs of this repository"),
        *((file.path, render(file), file.why) for file in proposal.files),
    ]
    root = folder.resolve()
    files = tuple(Draft(path, content, why, _present(root, path)) for path, content, why in wanted)
    return Drafts(root, proposal, files)


def write(drafts: Drafts, *, force: bool = False) -> list[str]:
    """Write the files that are not there yet as wanted; what is replaced is kept as ``NAME.bak``.

    Returns:
        Paths of the files that were written.

    Raises:
        ConflictError: a file differs and ``force`` is not set; then nothing was written.
        UsageError: a path leads through a link, or the folder cannot be written.
    """
    differing = [file for file in drafts.files if file.state == "differs"]
    if differing and not force:
        raise conflict(differing)
    written = []
    for file in drafts.files:
        if file.state == "same":
            continue
        target = _target(drafts.folder, file.path)
        try:
            if file.present is not None:
                _put(target.with_name(target.name + BACKUP), file.present)
            _put(target, file.text)
        except OSError as error:
            raise UsageError(
                f"{target} cannot be written", hint="is the folder yours?", detail=str(error)
            ) from error
        written.append(file.path)
    return written


def conflict(differing: Iterable[Draft]) -> ConflictError:
    """Why nothing is written: these files would lose what stands in them."""
    files = list(differing)
    names = ", ".join(file.path for file in files)
    return ConflictError(
        f"{names} {'is' if len(files) == 1 else 'are'} there already and would change",
        hint="write anyway with --force (the old ones are kept as NAME.bak), or look first with --dry-run",
        detail="\n".join(file.lost for file in files),
        retryable=False,
    )


def _without_own(facts: Facts) -> Facts:
    own = {path for path, text in facts.texts.items() if MARK in text.split("\n", 1)[0]}
    return replace(facts, paths=facts.paths - own - _ignore_beside(facts, own))


def _ignore_beside(facts: Facts, own: set[str]) -> set[str]:
    """The ``.dockerignore`` files: they are made anew with the Dockerfiles."""
    return {path for path in facts.paths if path.rpartition("/")[2] == ".dockerignore"} if own else set()


def _target(root: Path, path: str) -> Path:
    """Where a file goes, held inside the repository."""
    target = root / path
    if target.is_symlink() or target.parent.resolve() != target.parent:
        raise UsageError(
            f"{target} leads through a symbolic link", hint="replace the link, or write the file by hand"
        )
    return target


def _present(root: Path, path: str) -> str | None:
    target = _target(root, path)
    try:
        return target.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{target} cannot be read", hint="is it a file?", detail=str(error)) from error


def _put(target: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)  # noqa: PTH101 - the name is mkstemp's
        os.replace(name, target)  # noqa: PTH105 - see above
    except OSError:
        os.unlink(name)  # noqa: PTH108 - see above
        raise
