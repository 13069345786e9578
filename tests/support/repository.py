"""Git repositories of the test application."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import ruamel.yaml

_APP = Path(__file__).parent / "app"
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(folder: Path, *args: str) -> str:
    """Run git in a folder, as nobody in particular."""
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **_IDENTITY},
    )
    return done.stdout.strip()


class Repository:
    """A repository with ``havre.yaml`` and the test application, one commit per change."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        shutil.copytree(_APP, folder, dirs_exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.manifest = manifest
        self.commit(manifest=manifest, version="1")

    def git(self, *args: str) -> str:
        """Run git in the repository."""
        return git(self.folder, *args)

    def commit(self, *, manifest: dict[str, Any] | None = None, **behaviour: Any) -> str:
        """Commit another behaviour of the application; the commit's id."""
        if manifest is not None:
            self.manifest = manifest
            with (self.folder / "havre.yaml").open("w") as file:
                ruamel.yaml.YAML(typ="safe").dump(manifest, file)
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"Behave as {behaviour}")
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, text: str) -> str:
        """Commit one file's new text."""
        (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Change {name}")
        return self.git("rev-parse", "HEAD")


def manifest(project: str, **api: Any) -> dict[str, Any]:
    """A manifest with one service ``api`` at ``PROJECT.localhost``, in a production that asks nothing."""
    service: dict[str, Any] = {
        "kind": "app",
        "build": ".",
        "port": 3000,
        "health": {"path": "/health", "start_period": "20s"},
        "drain": "1s",
        "stop_grace": "5s",
        "domain": f"{project}.localhost",
        **api,
    }
    return {
        "project": project,
        "services": {"api": service},
        "environments": {"production": {"branch": "main", "protected": False}},
    }
