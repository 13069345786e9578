"""Git repositories for tests, made without the developer's own configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

AUTHOR_DATE = "2024-02-29T12:34:56+05:30"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and give back what it prints."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": AUTHOR_DATE,
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "GIT_COMMITTER_DATE": AUTHOR_DATE,
        "GIT_ALLOW_PROTOCOL": "file",
    }
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *arguments]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def new_repository(folder: Path) -> Path:
    """An empty repository on the branch ``main``."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def commit(repository: Path, files: dict[str, str], message: str = "Change files") -> str:
    """Write and commit files; gives back the commit's id."""
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        git(repository, "add", "--", name)
    git(repository, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def contents(folder: Path) -> set[str]:
    """Paths of the files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
