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
from havre.manifest import EnvironmentSpec, Manifest, load, load_file
from havre.operations.context import Run

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
        """
        ref = commit or self.run.operation.params.get("ref")
        found = self.check_out(ref)
        spec = self._spec(load_manifest(found))
        if ref is None and spec.branch and found.branch != spec.branch:
            self.clean_up()
            found = self.check_out(spec.branch)
            spec = self._spec(load_manifest(found))
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

    def _spec(self, manifest: Manifest) -> EnvironmentSpec:
        if manifest.project != self.run.project:
            raise UsageError(
                f"{MANIFEST} describes the project {manifest.project}, not {self.run.project}",
                hint=f"deploy it as --project {manifest.project}, or correct the line `project:`",
            )
        return manifest.for_environment(self.run.environment.name)


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


def load_manifest(found: Checkout) -> Manifest:
    """The manifest of a checkout; its problems name the file as the repository does."""
    file = inside(found, MANIFEST)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return load_file(file)  # which says what is wrong with it
    return load(text, file=MANIFEST)
