"""A second server beside the test engine, in the same network and with a Swarm of its own, which may burn."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

_ENGINE = Path(__file__).parents[2] / "bin" / "engine"


@dataclass(frozen=True)
class Spare:
    """Its engine's address, its own address, and what starts a program in its network."""

    host: str
    ip: str
    inside: tuple[str, ...]
    client: docker.APIClient

    def burn(self) -> None:
        """kill -9 of its engine and of all that runs on it; its disk is gone."""
        _engine("lose")


@contextmanager
def spare() -> Iterator[Spare]:
    """It has the images of the test engine, and is gone afterwards."""
    node = int(os.environ["ENGINE_NODES"]) + 1
    _engine("add")
    host = f"unix://{os.environ['ENGINE_STATE']}/n{node}/docker.sock"
    client = docker.APIClient(base_url=host, version="auto")
    try:
        netns = f"/run/netns/{os.environ['ENGINE_PREFIX']}-n{node}"
        ip = f"{os.environ['ENGINE_NET']}.{10 + node}"
        yield Spare(host, ip, ("nsenter", f"--net={netns}", "--"), client)
    finally:
        client.close()
        _engine("lose")


def _engine(action: str) -> None:
    done = subprocess.run([_ENGINE, action], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
