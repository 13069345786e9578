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
    words = os.environ["HAVRE_TEST_ENGINE"].split()
    options = dict(zip(words[::2], words[1::2], strict=True))
    node = int(options["--nodes"]) + 1
    _engine("add")
    host = f"unix://{options['--state']}/n{node}/docker.sock"
    client = docker.APIClient(base_url=host, version="auto")
    try:
        inside = ("nsenter", f"--net=/run/netns/{options['--prefix']}-n{node}", "--")
        yield Spare(host, f"{options['--net']}.{10 + node}", inside, client)
    finally:
        client.close()
        _engine("lose")


def _engine(action: str) -> None:
    command = [_ENGINE, action, *os.environ["HAVRE_TEST_ENGINE"].split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
