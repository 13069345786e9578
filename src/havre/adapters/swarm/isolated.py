"""A container apart: no network, a ceiling, no log; gone afterwards, also what an earlier process left.

Data passes through the docker client's ``exec``, whose pipes a program of its own moves: our process has
the values to work on meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

import docker
from docker.errors import NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine
from havre.domain import naming
from havre.errors import EngineError

_MOST_PROCESSES: Final = 200
_LONGEST_ERROR: Final = 64 * 1024
_NEEDED: Final = ("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


@dataclass(frozen=True)
class Ceiling:
    """The most that a container may take: processors and bytes of memory."""

    cpus: float
    memory: int


@dataclass
class Isolated:
    """A running container of its own."""

    engine: Engine
    id: str

    def start(
        self, command: Sequence[str], *, stdin: IO[bytes] | int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Run a program in it, with pipes for output and error; see :func:`client`."""
        return exec_in(self.engine, self.id, command, stdin=stdin)


def exec_in(
    engine: Engine, container: str, command: Sequence[str], *, stdin: IO[bytes] | int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """A program in a container of this server, as a child of this process.

    Its error goes to a file that is the process's ``stderr`` (see :func:`told`), so that nobody has to read
    it for the program to go on.

    Raises:
        EngineError: there is no docker client here.
    """
    program = shutil.which("docker")
    if program is None:
        raise EngineError("there is no docker client on this server", hint="apt install docker.io")
    error = tempfile.TemporaryFile()  # noqa: SIM115 - the process has it
    child = subprocess.Popen(
        [program, "--host", engine.address, "exec", "--interactive", container, *command],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=error,
        bufsize=1 << 20,
        env={name: os.environ[name] for name in _NEEDED if name in os.environ} | {"LC_ALL": "C.UTF-8"},
    )
    child.stderr = error
    return child


def told(child: subprocess.Popen[bytes]) -> str:
    """What a program wrote to its error, once it has ended."""
    if child.stderr is None:
        return ""
    child.stderr.seek(0)
    return child.stderr.read(_LONGEST_ERROR).decode(errors="replace")


@contextlib.contextmanager
def isolated(
    engine: Engine, image: str, command: Sequence[str], *, role: str, volume: str, ceiling: Ceiling
) -> Iterator[Isolated]:
    """A container that lives as long as the block, with its volume.

    Args:
        engine: this server's.
        image: tag or id of a local image.
        command: its first program.
        role: what it is for, and beginning of its name; what is left of an earlier one is found by it
            (see :func:`remove_left`).
        volume: where it sees a volume of its own.
        ceiling: what it may take.

    Raises:
        EngineError: the engine refuses, or does not have the image.
    """
    client = engine.connect()
    with explained(f"starting an isolated container of {image}"):
        try:
            made = client.create_container(
                image,
                entrypoint=list(command),
                name=f"{role}-{secrets.token_hex(4)}",
                labels={naming.MANAGED: "true", naming.ROLE: role},
                healthcheck={"test": ["NONE"]},
                host_config=client.create_host_config(
                    network_mode="none",
                    nano_cpus=int(ceiling.cpus * 1e9),
                    mem_limit=ceiling.memory,
                    pids_limit=_MOST_PROCESSES,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges"],
                    shm_size=256 * 1024**2,
                    # What a database says about a row that it refuses must not stay on the disk.
                    log_config=docker.types.LogConfig(type="none"),
                    # Without a name, so that it goes with the container.
                    mounts=[docker.types.Mount(volume, None)],
                ),
            )
        except NotFound as error:
            raise EngineError(
                f"the engine does not have the image {image}", hint="deploy once, which makes it"
            ) from error
    try:
        with explained("starting an isolated container"):
            client.start(made["Id"])
        yield Isolated(engine, made["Id"])
    finally:
        with contextlib.suppress(NotFound):
            client.remove_container(made["Id"], v=True, force=True)
        client.close()


def remove_left(engine: Engine, role: str) -> int:
    """Remove the containers of a role with their volumes; how many there were.

    Call it only while no other process has one of them.
    """
    return engine.remove_containers({naming.ROLE: role})
