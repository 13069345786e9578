"""Which docker client can build with BuildKit: a server may have several, and not each one can."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from havre.errors import EngineError

LAST_CLASSIC_MAJOR = 22
"""Clients up to this version ask the engine's own BuildKit; later ones need the buildx plugin."""

PROBE_SECONDS = 10.0
USUAL_PLACE = Path("/usr/bin/docker")

_PASSED_ON = (
    "PATH", "HOME", "DOCKER_CONFIG", "BUILDX_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


@dataclass(frozen=True)
class DockerCli:
    """A docker client that builds; ``buildx`` says whether through the plugin."""

    path: Path
    buildx: bool
    version: str

    def command(self, engine_host: str, *arguments: str) -> list[str]:
        """Argument list that asks the engine at ``engine_host`` (``unix:///…`` or ``tcp://…``)."""
        return [str(self.path), "--host", engine_host, *arguments]


def client_environment() -> dict[str, str]:
    """Environment of the client: only what it needs, so that no secret of ours is passed on."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"LC_ALL": "C.UTF-8", "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def find_client(places: Iterable[Path] | None = None) -> DockerCli:
    """The client to build with: the first with buildx, else the first that is old enough without.

    Args:
        places: clients to look at; by default each ``docker`` on PATH, and Debian's.

    Raises:
        EngineError: no client can build; the hint says what to install.
    """
    classic: DockerCli | None = None
    seen: list[str] = []
    for path in dict.fromkeys(_on_path() if places is None else places):
        version = _answer(path, "--version")
        match = re.search(r"Docker version ((\d+)\.[^\s,]*)", version)
        if not match:
            continue
        if "buildx" in _answer(path, "buildx", "version"):
            return DockerCli(path, buildx=True, version=match[1])
        if int(match[2]) <= LAST_CLASSIC_MAJOR:
            classic = classic or DockerCli(path, buildx=False, version=match[1])
        seen.append(f"{path} ({match[1]}, without buildx)")
    if classic:
        return classic
    if seen:
        raise EngineError(
            f"No docker client here can build: {', '.join(seen)}.",
            hint="Install the plugin: apt-get install docker-buildx (Debian 13) or docker-buildx-plugin "
            "(Docker's own packages); on Debian 12 apt-get install docker.io brings a client that can.",
        )
    raise EngineError(
        "There is no docker client on this server.",
        hint="Install it: apt-get install docker.io docker-buildx.",
    )


def _on_path() -> list[Path]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    places = [*(Path(folder) / "docker" for folder in folders if folder), USUAL_PLACE]
    real = {place.resolve(): place for place in reversed(places) if os.access(place, os.X_OK)}
    return list(reversed(real.values()))


def _answer(path: Path, *arguments: str) -> str:
    """What the client prints, or nothing if it cannot be asked."""
    try:
        done = subprocess.run(
            [str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            env=client_environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
