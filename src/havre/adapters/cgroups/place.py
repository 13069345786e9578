"""Finding the control groups in which an engine of this machine runs its builds."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from havre.domain.ceiling import BuildGroups, build_groups, groups_of, parent_option
from havre.errors import EngineError

ROOT = Path("/sys/fs/cgroup")
_DAEMON = "dockerd"
_PID_FILE = Path("/run/docker.pid")
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
_PATIENCE = 5.0  # seconds


@dataclass(frozen=True)
class Place:
    """Where builds run: the hierarchy's root and version, the groups in it, and the engine's process."""

    root: Path
    version: int
    groups: BuildGroups
    engine: int = 0
    """Pid; 0 if it is not known."""

    def folder(self, controller: str) -> Path:
        """The folder of a controller in which the groups of builds are."""
        inside = str(self.groups.folders[controller]).lstrip("/")
        return self.root / controller / inside


def find(docker_host: str, *, driver: str, version: int, root: Path = ROOT) -> Place:
    """Where the engine at an address runs its builds.

    Args:
        docker_host: its address.
        driver: ``CgroupDriver`` of its ``/info``.
        version: ``CgroupVersion`` of its ``/info``.
        root: where control groups are mounted.

    Raises:
        EngineError: it runs elsewhere, or this machine's control groups cannot be read.
    """
    pid = _daemon_pid(docker_host)
    process = Path("/proc") / str(pid)
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        own = groups_of((process / "cgroup").read_text())
        parent = parent_option(words)
        if parent is None:
            parent = _configured(process / "root", words)
    except OSError as error:
        raise EngineError(f"the engine's process cannot be looked at: {error.strerror}") from error
    return Place(root, version, build_groups(driver=driver, version=version, parent=parent, own=own), pid)


def _daemon_pid(docker_host: str) -> int:
    """Pid of the engine: whoever listens on its socket; behind socket activation, the usual one."""
    if not docker_host.startswith("unix://"):
        raise EngineError("the engine is not reached by a socket of this machine")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(_PATIENCE)
            asking.connect(docker_host.removeprefix("unix://"))
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError as error:
        raise EngineError(f"the engine's socket does not answer: {error.strerror}", retryable=True) from error
    pid = int(_CREDENTIALS.unpack(told)[0])
    if _is_daemon(pid):
        return pid
    # systemd listens in the engine's place (docker.socket).
    try:
        written = int(_PID_FILE.read_text())
    except (OSError, ValueError):
        written = 0
    if _is_daemon(written):
        return written
    found = [process.pid for process in psutil.process_iter() if _is_daemon(process.pid)]
    if len(found) != 1:
        raise EngineError(f"{len(found)} processes named {_DAEMON} run here; which is this engine is unknown")
    return found[0]


def _is_daemon(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == _DAEMON
    except OSError:
        return False


def _configured(root: Path, words: list[str]) -> str:
    """``cgroup-parent`` of the engine's configuration file, as the engine's own mounts show it."""
    file = "/etc/docker/daemon.json"
    for at, word in enumerate(words):
        if word == "--config-file" and at + 1 < len(words):
            file = words[at + 1]
        elif word.startswith("--config-file="):
            file = word.partition("=")[2]
    # The engine's own view of it needs rights that a hardened worker lacks; then this machine's.
    for place in (root, Path("/")):
        try:
            told: Any = json.loads((place / file.lstrip("/")).read_text())
        except PermissionError:
            continue
        except (OSError, ValueError):
            return ""
        break
    else:
        return ""
    return str(told.get("cgroup-parent") or "") if isinstance(told, dict) else ""
