"""The commit that an operation is about: a clean checkout of it, and what its manifest says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from pydantic import SecretBytes

from havre.adapters.git.checkout import Checkout, checkout
from havre.adapters.git.source import Source
from havre.adapters.sealing import unseal
from havre.errors import SourceError, UsageError
from havre.manifest import EnvironmentSpec, load, load_file
from havre.manifest.place import spec_for
from havre.operations.context import Run
from havre.records import manifests

MANIFEST: Final = "havre.yaml"


class SourceReader:
    """Checks out what an operation names: its parameters ``source``, ``subfolder`` and ``ref``.

    The checkout is the operation's own, is made once, and stays until ``clean_up``.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._folder = run.platform.config.paths.sources / str(run.operation.pk)
        self._checkout: Checkout | None = None

    def read(self, commit: str | None = None) -> tuple[Checkout, EnvironmentSpec]:
        """A checkout and what its manifest says about the environment.

        Args:
            commit: of an earlier run; without one the ref that was asked for, else the newest commit
                of the branch that the manifest names.

        Raises:
            SourceError: the repository cannot be read.
            ManifestError: its manifest is not valid.
            UsageError: it describes another project, or not this environment.

        A text that the operation was given counts in place of the repository's file.
        """
        ref = commit or self.run.operation.params.get("ref")
        found = self.check_out(ref)
        spec = self._spec(found)
        if ref is None and spec.branch and found.branch != spec.branch:
            self.clean_up()
            found = self.check_out(spec.branch)
            spec = self._spec(found)
        return found, spec

    def check_out(self, ref: str | None) -> Checkout:
        """The checkout, made if there is none yet."""
        if self._checkout is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._checkout = checkout(
                self._source(ref),
                self._folder / "tree",
                report=self.run.log,
                cancelled=self.run.is_stopped,
                known_hosts=self.run.platform.config.paths.known_hosts,
            )
            self.run.checkpoint()
        return self._checkout

    def clean_up(self) -> None:
        """Remove the checkout."""
        self._checkout = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _source(self, ref: str | None) -> Source:
        project = self.run.environment.project
        params = self.run.operation.params
        location = params.get("source") or project.source
        if not location:
            raise UsageError(
                f"{project.name} has no source yet", hint="name it once: havre deploy --source PATH-OR-URL"
            )
        key = project.sealed_deploy_key
        return Source(
            location=location,
            ref=ref,
            subfolder=params.get("subfolder") or project.subfolder or None,
            deploy_key=SecretBytes(unseal(self.run.platform.config.paths.private_key, bytes(key)))
            if key
            else None,
        )

    def _spec(self, found: Checkout) -> EnvironmentSpec:
        given = manifests.given(self.run.operation)
        text = given or manifest_text(found)
        manifest = load(text, file=MANIFEST)
        if not given:
            manifests.remember(self.run.operation, text)
        return spec_for(manifest, self.run.project, self.run.environment.name)


def inside(found: Checkout, relative: Path | str) -> Path:
    """A path of the checkout with its links followed.

    Raises:
        SourceError: it leads out of the repository, to files of this server.
    """
    target = (found.path / relative).resolve()
    if not target.is_relative_to(found.root.resolve()):
        raise SourceError(
            f"{relative} leads out of the repository by a symbolic link",
            hint="commit the files themselves; a link may only lead to a place inside",
        )
    return target


def manifest_text(found: Checkout) -> str:
    """The text of the manifest of a checkout.

    Raises:
        ManifestError: it is not there, or cannot be read.
    """
    file = inside(found, MANIFEST)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        load_file(file)  # which says what is wrong with it
        raise
