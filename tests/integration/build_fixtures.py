"""What tests of builds share: the engine, its platform images, and folders to build."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from havre.adapters.buildkit.build import build
from havre.adapters.buildkit.cli import client_environment, find_client
from havre.adapters.buildkit.platform import prepare
from havre.domain.build import BuildRequest, BuildResult

BASE = "havre/base:trixie"

INTEGRITY = "sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng=="

PNPM_LOCK = f"""\
lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .: {{}}

  apps/web:
    dependencies:
      is-number:
        specifier: 7.0.0
        version: 7.0.0

packages:

  is-number@7.0.0:
    resolution: {{integrity: {INTEGRITY}}}
    engines: {{node: '>=0.12.0'}}

snapshots:

  is-number@7.0.0: {{}}
"""

BUILD_SCRIPT = """\
import isNumber from 'is-number'
import { mkdirSync, writeFileSync } from 'node:fs'
mkdirSync('dist/assets', { recursive: true })
const text = `<h1>${isNumber(5)} ${process.env.VITE_TITLE ?? ''} ${process.getuid()}</h1>`
writeFileSync('dist/index.html', text)
writeFileSync('dist/assets/app-1a2b3c4d.js', '// one line of many\\n'.repeat(500))
"""


@pytest.fixture(scope="session")
def host() -> str:
    """Address of the engine under test."""
    if "HAVRE_TEST_DOCKER_HOST" not in os.environ:
        pytest.fail("HAVRE_TEST_DOCKER_HOST is not set; run bin/test integration")
    return os.environ["HAVRE_TEST_DOCKER_HOST"]


@pytest.fixture(scope="session")
def platform(host: str) -> dict[str, str]:
    """Ids of the platform's images, by tag."""
    lines: list[str] = []
    return prepare(host, report=lines.append)


@pytest.fixture(scope="session")
def engine(host: str, platform: dict[str, str]) -> Iterator[docker.DockerClient]:
    """The engine's API."""
    client = docker.DockerClient(base_url=host)
    yield client
    client.close()


@pytest.fixture
def make(host: str, engine: docker.DockerClient) -> Iterator[Callable[..., tuple[BuildResult, list[str]]]]:
    """Builds a request; its images are removed after the test (the build cache stays)."""
    built: list[str] = []

    def make(request: BuildRequest, **more) -> tuple[BuildResult, list[str]]:
        lines: list[str] = []
        result = build(request, engine_host=host, report=lines.append, **more)
        built.append(result.image_id)
        return result, lines

    yield make
    for image in dict.fromkeys(built):
        engine.images.remove(image, force=True)


def folder(path: Path, files: dict[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return path


def pnpm_workspace(path: Path) -> Path:
    """A pnpm workspace whose ``apps/web`` builds a page; it names another pnpm than the platform's."""
    web = {"name": "web", "type": "module", "scripts": {"build": "node build.js"}}
    return folder(
        path,
        {
            "package.json": json.dumps({"name": "ws", "private": True, "packageManager": "pnpm@9.0.0"}),
            "pnpm-workspace.yaml": 'packages: ["apps/*"]\n',
            "pnpm-lock.yaml": PNPM_LOCK,
            "apps/web/package.json": json.dumps({**web, "dependencies": {"is-number": "7.0.0"}}),
            "apps/web/build.js": BUILD_SCRIPT,
        },
    )


def npm_package(path: Path, *, locked: bool) -> Path:
    """An npm package that builds the same page."""
    package = {"name": "np", "type": "module", "dependencies": {"is-number": "7.0.0"}}
    lock = {
        "name": "np",
        "lockfileVersion": 3,
        "packages": {
            "": package,
            "node_modules/is-number": {"version": "7.0.0", "integrity": INTEGRITY},
        },
    }
    return folder(
        path,
        {
            "package.json": json.dumps({**package, "scripts": {"build": "node build.js"}}),
            "build.js": BUILD_SCRIPT,
            **({"package-lock.json": json.dumps(lock)} if locked else {}),
        },
    )


def output(image: str, script: str) -> str:
    """What a shell script prints in a container of an image.

    By the client, which attaches before the start; the SDK reads the log afterwards, on Docker 20.10
    now and then too early.
    """
    cli = find_client()
    command = ["run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", script]
    done = subprocess.run(
        cli.command(os.environ["HAVRE_TEST_DOCKER_HOST"], *command),
        env=client_environment(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout
