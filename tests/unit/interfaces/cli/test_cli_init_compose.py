"""havre init --from-compose: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from havre.manifest import load_file

Havre = Callable[..., Result]
FILES = Path(__file__).parents[2] / "domain" / "compose_files"
SECRET = "hushhush"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(FILES / "node-postgres", folder)
    return folder


def test_it_writes_a_manifest_beside_the_file_and_says_what_became_of_it(havre: Havre, shop: Path) -> None:
    result = havre("init", "--from-compose", str(shop / "docker-compose.yml"))
    assert result.exit_code == 0, result.output
    manifest = load_file(shop / "havre.yaml")
    assert (manifest.project, list(manifest.services)) == ("shop", ["api", "db"])
    shown = " ".join(result.output.split())
    assert "docker-compose.yml:26 services.db.image" in shown
    assert "Not carried over: 3" in shown
    assert "havre secrets set session-secret # see docker-compose.yml:13" in shown
    assert "services.api.environment.NODE_ENV" not in shown  # carried over as it was
    assert SECRET not in result.output + (shop / "havre.yaml").read_text()


def test_all_lists_what_was_carried_over(havre: Havre, shop: Path) -> None:
    result = havre("init", str(shop), "--from-compose", "docker-compose.yml", "--dry-run", "--all")
    assert "services.api.environment.NODE_ENV" in result.output
    assert "project: shop" in result.output
    assert not (shop / "havre.yaml").exists()


def test_json_holds_everything(havre: Havre, shop: Path) -> None:
    (shop / "docker-compose.override.yml").write_text("services: {}\n")
    result = havre("init", "--from-compose", str(shop), "--json", "--domain", "example.org", "-p", "store")
    document = json.loads(result.stdout)
    assert (document["project"], document["written"], document["problem"]) == ("store", True, None)
    assert document["manifest"] == (shop / "havre.yaml").read_text()
    assert "domain: example.org" in document["manifest"]
    assert document["secrets"] == [
        {
            "name": "session-secret",
            "command": "havre secrets set session-secret",
            "where": "docker-compose.yml:13",
        }
    ]
    verdict = next(v for v in document["verdicts"] if v["path"] == "services.db.ports")
    assert (verdict["outcome"], verdict["line"]) == ("dropped", 33)
    assert any("docker-compose.override.yml" in warning for warning in document["warnings"])
    assert SECRET not in result.stdout


def test_another_manifest_is_replaced_only_by_force_and_kept(havre: Havre, shop: Path) -> None:
    (shop / "havre.yaml").write_text("mine\n")
    for more in ((), ("--json",), ("--yes",)):
        refused = havre("init", "--from-compose", str(shop), *more)
        assert refused.exit_code != 0
        assert (shop / "havre.yaml").read_text() == "mine\n"
    assert havre("init", "--from-compose", str(shop), "--force").exit_code == 0
    assert (shop / "havre.yaml.bak").read_text() == "mine\n"
    again = havre("init", "--from-compose", str(shop))
    assert again.exit_code == 0
    assert "says this already" in again.output
    assert (shop / "havre.yaml.bak").read_text() == "mine\n"


def test_profiles_are_converted_when_asked_for(havre: Havre, tmp_path: Path) -> None:
    shutil.copytree(FILES / "dev-and-tools", tmp_path / "dev")
    result = havre("init", "--from-compose", str(tmp_path / "dev"), "--profile", "debug", "--json")
    assert "adminer" in load_file(tmp_path / "dev" / "havre.yaml").services
    assert json.loads(result.stdout)["problem"] is None


def test_a_file_that_cannot_be_read_is_named(havre: Havre, tmp_path: Path) -> None:
    assert havre("init", "--from-compose", "nowhere.yml").exit_code != 0
    assert havre("init", "--from-compose", str(tmp_path)).exit_code != 0
    (tmp_path / "compose.yaml").write_text("services:\n  a: [\n")
    broken = havre("init", "--from-compose", str(tmp_path))
    assert broken.exit_code != 0
    assert "compose.yaml:3" in str(broken.exception)
    assert not (tmp_path / "havre.yaml").exists()
