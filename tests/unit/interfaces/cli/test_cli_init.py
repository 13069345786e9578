"""``havre init`` as a user meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from havre.interfaces.cli import trouble
from support.proposed import REPOSITORIES

Havre = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without a manifest, and the current folder."""
    found = shutil.copytree(REPOSITORIES / "express-npm", tmp_path / "shop")
    monkeypatch.chdir(found)
    monkeypatch.setenv("COLUMNS", "160")
    return found


def test_it_says_what_it_found_writes_and_says_what_comes_next(havre: Havre, root: Path) -> None:
    result = havre("init", "--domain", "example.org")
    assert result.exit_code == 0
    assert "api (Express)" in result.stdout
    assert "package.json depends on express" in result.stdout
    assert "havre secrets set -p express-npm session-secret\n  havre deploy\n" in result.stdout
    assert "domain: example.org" in (root / "havre.yaml").read_text()
    assert (root / "Dockerfile").read_text().startswith("# Express. Written by `havre init`")
    assert havre("manifest", "check").exit_code == 0


def test_what_is_missing_is_told_with_its_remedy(havre: Havre, root: Path) -> None:
    (root / "server.js").write_text("app.listen(3000)")
    result = havre("init")
    assert result.exit_code == 0
    assert 'app.get("/health"' in result.stdout
    assert "a deployment fails until" in result.stderr
    assert "api.health" in result.stderr


def test_a_dry_run_writes_nothing(havre: Havre, root: Path) -> None:
    before = sorted(path.name for path in root.iterdir())
    result = havre("init", "--dry-run")
    assert result.exit_code == 0
    assert "# --- havre.yaml\n" in result.stdout
    assert "# --- Dockerfile\n" in result.stdout
    assert sorted(path.name for path in root.iterdir()) == before


def test_what_is_there_is_kept_and_shown(havre: Havre, root: Path) -> None:
    (root / "havre.yaml").write_text("project: mine\n")
    result = havre("init")
    assert result.exit_code == trouble.CONFLICT
    assert result.exception is not None
    assert "havre.yaml is there already" in str(result.exception)
    assert (root / "havre.yaml").read_text() == "project: mine\n"
    result = havre("init", "--force", "--yes")
    assert result.exit_code == 0
    assert "-project: mine" in result.stderr
    assert (root / "havre.yaml.bak").read_text() == "project: mine\n"
    assert "written already" in havre("init", "--force").stderr


def test_json_tells_all_of_it(havre: Havre, root: Path) -> None:
    told = json.loads(havre("init", "--json", "--dry-run").stdout)
    assert told["written"] == []
    assert [file["path"] for file in told["files"]] == ["havre.yaml", "Dockerfile", ".dockerignore"]
    assert told["secrets"] == ["session-secret"]
    assert {"about", "what", "remedy", "blocking"} == set(told["gaps"][0])
    assert not (root / "havre.yaml").exists()
    assert json.loads(havre("init", "--json").stdout)["written"] == [
        "havre.yaml",
        "Dockerfile",
        ".dockerignore",
    ]


def test_a_folder_without_an_application_is_a_usage_error(havre: Havre, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert havre("init", str(tmp_path / "empty")).exit_code == trouble.USAGE
    assert havre("init", str(tmp_path / "nosuch")).exit_code == trouble.USAGE
