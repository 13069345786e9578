"""A container with a program of the platform's, and volumes or folders of this server, for one operation.

Bytes pass through the docker client's own pipes; see :func:`~havre.adapters.swarm.isolated.exec_in`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import docker
from docker.errors import NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import run_inside
from havre.adapters.swarm.isolated import exec_in, told
from havre.errors import EngineError

READS: Final = ("DAC_READ_SEARCH",)
"""What reading files of every account takes."""
WRITES: Final = ("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "MKNOD", "SETFCAP")
"""What making files of every account takes."""
LAST: Final = 128
"""Weight of the processors' time of what comes after whatever serves; that has 1024."""
_NEEDED: Final = ("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


@dataclass(frozen=True)
class Mount:
    """A volume by its name, or a folder of this server by its path, and where the container sees it.

    ``labels`` are those that a volume gets if it is made now.
    """

    source: str
    target: str
    read_only: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def toolbox(
    engine: Engine,
    image: str,
    *,
    labels: Mapping[str, str],
    mounts: Sequence[Mount] = (),
    capabilities: Sequence[str] = (),
    cpus: float = 0.0,
) -> Iterator[str]:
    """The id of a running container, which is removed afterwards.

    Args:
        engine: this server's.
        image: tag or id of a local image; its own program waits.
        labels: by which one that a dead worker left is found and removed first.
        mounts: what it sees.
        capabilities: what it may, beside what everybody may.
        cpus: processors that it may take, after whatever serves; 0 for all of them, as everybody.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    engine.remove_containers(dict(labels))
    client = engine.connect()
    try:
        with explained(f"starting a container of {image}"):
            made = client.create_container(
                image,
                labels=dict(labels),
                host_config=client.create_host_config(
                    init=True,
                    cap_drop=["ALL"],
                    cap_add=list(capabilities) or None,
                    security_opt=["no-new-privileges"],
                    nano_cpus=int(cpus * 1e9) or None,
                    cpu_shares=LAST if cpus else None,
                    mounts=[_mount(each) for each in mounts],
                ),
            )
            client.start(made["Id"])
        try:
            yield str(made["Id"])
        finally:
            with contextlib.suppress(NotFound), explained("removing it"):
                client.remove_container(made["Id"], v=True, force=True)
    finally:
        client.close()


def _mount(each: Mount) -> docker.types.Mount:
    is_folder = each.source.startswith("/")
    return docker.types.Mount(
        each.target,
        each.source,
        type="bind" if is_folder else "volume",
        read_only=each.read_only,
        labels=None if is_folder else dict(each.labels) or None,
    )


@dataclass(frozen=True)
class Program:
    """A program in a running container: its arguments; no shell reads them."""

    container: str
    command: Sequence[str]


@contextlib.contextmanager
def images_into(
    engine: Engine, references: Sequence[str], into: Program, *, whole: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that reads a tar of images; its input ends when all of them are in it.

    Args:
        engine: where both are.
        references: tags or ids; what lies below several of them is in it once.
        into: the program, whose output the caller reads.
        whole: run in its container before the input ends, if nothing is missing in it.

    Raises:
        EngineError: there is no docker client here.
    """
    with _fed(engine, ["image", "save", *references], into, whole) as (program, _):
        yield program


@contextlib.contextmanager
def output_into(
    engine: Engine, source: Program, into: Program, *, whole: Sequence[str]
) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A program that reads what another one writes, and that one; else as :func:`images_into`.

    Raises:
        EngineError: there is no docker client here.
    """
    arguments = ["exec", source.container, *source.command]
    with _fed(engine, arguments, into, whole) as both:
        yield both


def piped(
    engine: Engine, source: Program, into: Program
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Two programs, the second of which reads what the first one writes.

    Raises:
        EngineError: there is no docker client here.
    """
    first = exec_in(engine, source.container, source.command)
    try:
        second = exec_in(engine, into.container, into.command, stdin=first.stdout or subprocess.DEVNULL)
    except BaseException:
        first.kill()
        first.wait()
        raise
    if first.stdout:
        first.stdout.close()
    return first, second


@contextlib.contextmanager
def _fed(
    engine: Engine, source: Sequence[str], into: Program, whole: Sequence[str]
) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    read, write = os.pipe()
    try:
        program = exec_in(engine, into.container, into.command, stdin=read)
    except BaseException:
        os.close(write)
        raise
    finally:
        os.close(read)
    error = tempfile.TemporaryFile()  # noqa: SIM115 - the process has it
    giving = subprocess.Popen(
        [_client(), "--host", engine.address, *source],
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=error,
        env=_environment(),
    )
    giving.stderr = error

    def finish() -> None:
        try:
            if giving.wait() == 0:
                run_inside(engine, into.container, list(whole))
        finally:
            os.close(write)

    thread = threading.Thread(target=finish, name="fed", daemon=True)
    thread.start()
    try:
        yield program, giving
    finally:
        for child in (giving, program):
            if child.poll() is None:
                child.kill()
            child.wait()
        thread.join()
        if program.stdout:
            program.stdout.close()


def images_from(engine: Engine, container: str, command: Sequence[str]) -> str:
    """Load the tar of images that a program in a container writes; why not, empty if it went well.

    Raises:
        EngineError: the engine did not take it, or there is no docker client here.
    """
    program = exec_in(engine, container, command)
    loading = subprocess.run(
        [_client(), "--host", engine.address, "image", "load", "--quiet"],
        stdin=program.stdout,
        capture_output=True,
        env=_environment(),
        check=False,
    )
    if program.stdout:
        program.stdout.close()
    if program.wait() != 0:
        return told(program) or f"it ended with {program.returncode}"
    if loading.returncode != 0:
        said = loading.stderr.decode(errors="replace").strip()
        raise EngineError("the engine did not take the saved images", detail=said)
    return ""


def _client() -> str:
    found = shutil.which("docker")
    if found is None:
        raise EngineError("there is no docker client on this server", hint="apt install docker.io")
    return found


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _NEEDED if name in os.environ} | {"LC_ALL": "C.UTF-8"}
