"""Reading a checkout: within bounds, and never through a link."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from havre.adapters.repository import reading
from havre.adapters.repository.reading import read
from havre.errors import UsageError


def put(root: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def test_what_tells_something_is_read_and_the_rest_is_only_listed(tmp_path: Path) -> None:
    put(
        tmp_path,
        "package.json",
        "src/main.ts",
        "logo.svg",
        "Dockerfile.prod",
        ".env.example",
        "api/requirements.txt",
    )
    facts = read(tmp_path)
    assert facts.paths == {
        "package.json", "src/main.ts", "logo.svg", "Dockerfile.prod", ".env.example", "api/requirements.txt",
    }  # fmt: skip
    assert set(facts.texts) == facts.paths - {"logo.svg"}


def test_real_values_are_never_opened(tmp_path: Path) -> None:
    put(tmp_path, ".env", ".env.local", "api/.env.production", ".env.sample", text="PASSWORD=hunter2")
    facts = read(tmp_path)
    assert set(facts.texts) == {".env.sample"}


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "package.json", "secret.py", text="SECRET")
    root = tmp_path / "root"
    put(root, "index.html")
    (root / "package.json").symlink_to(outside / "package.json")
    (root / "linked").symlink_to(outside)
    (root / "up").symlink_to("..")
    os.mkfifo(root / "Dockerfile")
    facts = read(root)
    assert facts.paths == {"index.html"}
    assert facts.texts == {}


def test_installed_and_generated_files_are_left_out(tmp_path: Path) -> None:
    put(
        tmp_path,
        "package.json",
        "dist/main.js",
        "node_modules/a/package.json",
        ".git/config",
        "sub/dist/index.html",
    )
    assert read(tmp_path).paths == {"package.json", "sub/dist/index.html"}


def test_bounds_are_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, *(f"src/{number}.js" for number in range(8)), "package.json")
    monkeypatch.setattr(reading, "MOST_TEXTS", 4)
    facts = read(tmp_path)
    assert len(facts.paths) == 9
    assert len(facts.texts) == 4
    assert "package.json" in facts.texts, "what tells most comes first"
    assert facts.cut == ("5 of 9 files with code or settings were not read",)
    monkeypatch.setattr(reading, "MOST_FILES", 5)
    facts = read(tmp_path)
    assert len(facts.paths) == 5
    assert "there are more than 5 files" in facts.cut[0]


def test_a_large_file_and_one_that_is_no_text_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, "large.js", text="x" * (reading.LARGEST_TEXT + 1))
    (tmp_path / "binary.js").write_bytes(b"a\0b")
    (tmp_path / "latin.py").write_bytes("# é".encode("latin-1"))
    assert set(read(tmp_path).texts) == {"latin.py"}


def test_only_the_head_of_a_lock_file_is_read(tmp_path: Path) -> None:
    put(tmp_path, "yarn.lock", text="# yarn lockfile v1\n" + "x" * 1_000_000)
    assert len(read(tmp_path).text("yarn.lock")) == 256


def test_branches(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert (read(tmp_path).branch, read(tmp_path).branches) == ("", frozenset())
    git("init", "-q", "-b", "trunk")
    assert read(tmp_path).branch == "trunk"
    put(tmp_path, "a.py")
    git("add", "-A")
    git("commit", "-qm", "First")
    git("branch", "develop")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    facts = read(tmp_path)
    assert facts.branch == "main"
    assert facts.branches == {"trunk", "develop", "main"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        read(tmp_path / "nosuch")
