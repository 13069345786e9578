"""From a repository without a manifest to production, by ``havre init`` alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Site
from support.proposed import REPOSITORIES
from support.repository import git
from support.server import Server

PROJECT = "django-pip"


@pytest.fixture
def repository(server: Server, tmp_path: Path) -> Iterator[Path]:
    """A Django project without a Dockerfile, committed."""
    root = shutil.copytree(REPOSITORIES / PROJECT, tmp_path / PROJECT)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "First version")
    yield root
    if any(row["project"] == PROJECT for row in server.json("environments")):
        server.cli("destroy", "--project", PROJECT, "--volumes", "--yes-destroy", f"{PROJECT}-production")


def test_a_repository_is_initialised_and_deployed(server: Server, repository: Path) -> None:
    """With a base image made on demand, a database, migrations, a secret, and the host name of the probe."""
    told = server.cli("init", str(repository), "--yes").stdout
    assert "web (Django)" in told
    assert f"havre secrets set -p {PROJECT} secret-key\n" in told
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Deploy with Havre")
    server.cli("secrets", "set", "--project", PROJECT, "secret-key", stdin="not so secret\n")
    deployed = server.deploy(repository, "--verbose")
    assert "Applying auth.0001_initial" in deployed.stdout + deployed.stderr
    site = Site(f"{PROJECT}.localhost")
    assert (site.get("/health/").status_code, site.get("/health/").text) == (200, "ok")
    assert "navy" in site.get("/static/site.css").text
