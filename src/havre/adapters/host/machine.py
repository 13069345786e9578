"""Reads of the machine that Havre runs on, for its checkup. Nothing here changes anything.

Sizes are bytes, times are seconds.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

EXTRA_AUTHORITIES = Path("/usr/local/share/ca-certificates")
"""Where Debian's ``update-ca-certificates`` looks for authorities that the administrator added."""

_TIMEX_BYTES = 1024  # larger than any struct timex
_TIME_ERROR = 5  # adjtimex(2): the clock is not kept by a time service
_GIT_TIMEOUT = 10


@dataclass(frozen=True)
class Space:
    """Room on the file system that a path is, or would be, on. No inodes: it has no fixed number."""

    path: str
    total: int
    free: int
    inodes: int
    inodes_free: int


def answers(host: str, port: int, *, patience: float = 3.0) -> bool:
    """Whether something takes connections there within ``patience`` seconds."""
    try:
        socket.create_connection((host, port), timeout=patience).close()
    except OSError:
        return False
    return True


def space(path: Path) -> Space:
    """Room for ordinary users at a path, or at its nearest parent that is there and may be read.

    Raises:
        OSError: not even the root directory can be asked.
    """
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            continue
        usage = shutil.disk_usage(place)
        return Space(str(place), usage.total, usage.free, found.f_files, found.f_favail)
    raise FileNotFoundError(path)


def same_filesystem(one: Path, other: Path) -> bool:
    """Whether two paths that are there share a file system; False if that cannot be known."""
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


@dataclass(frozen=True)
class Memory:
    """Memory and swap of the machine."""

    total: int
    available: int
    swap_total: int
    swap_used: int


def memory() -> Memory:
    """Memory and swap as the kernel counts them."""
    main, swap = psutil.virtual_memory(), psutil.swap_memory()
    return Memory(main.total, main.available, swap.total, swap.used)


def cores() -> int:
    """Processors of the machine."""
    return psutil.cpu_count() or 1


def listeners() -> list[tuple[int, str, int | None]]:
    """Port, program and pid of all that listens on TCP; program and pid only as far as one may see."""
    found: dict[int, tuple[int, str, int | None]] = {}
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        port = int(connection.laddr.port)
        if port not in found or found[port][2] is None:
            found[port] = (port, _program(connection.pid), connection.pid)
    return sorted(found.values(), key=lambda listener: listener[0])


def _program(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def links() -> frozenset[str]:
    """Names of the network links in this process's network namespace, the host's."""
    return frozenset(name for _, name in socket.if_nameindex())


def clock_synchronised() -> bool | None:
    """Whether the kernel's clock is kept by a time service (adjtimex(2)); None if it cannot be asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else bool(state != _TIME_ERROR)


def ahead_of_here(text: str) -> float | None:
    """How many seconds a time of another clock (ISO 8601, just read) is ahead of this machine's."""
    try:
        return datetime.fromisoformat(text).timestamp() - time.time()
    except ValueError:
        return None


def extra_authorities(folder: Path = EXTRA_AUTHORITIES) -> tuple[list[str], list[str]]:
    """Names of the certificate files that the administrator added, and of those that are not PEM."""
    names: list[str] = []
    broken: list[str] = []
    for file in sorted(folder.rglob("*.crt")) if folder.is_dir() else ():
        names.append(file.name)
        try:
            ssl.create_default_context(cafile=str(file))
        except (OSError, ssl.SSLError):
            broken.append(file.name)
    return names, broken


def https_proxy(environ: Mapping[str, str]) -> str:
    """The HTTPS proxy of the environment without name and password; empty if there is none."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        if environ.get(name):
            return re.sub(r"//[^/@]*@", "//", environ[name])
    return ""


def git_version() -> str:
    """Git's version; empty if it is not there."""
    try:
        done = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, timeout=_GIT_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().removeprefix("git version ") if done.returncode == 0 else ""


def file_mode(path: Path) -> int | None:
    """Permission bits of a file; None if it is not there.

    Raises:
        PermissionError: this account may not look.
    """
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None


def address() -> str:
    """The address of this machine by which it would reach others; empty if it has none.

    Nothing is sent: connecting a UDP socket only chooses a route. 192.0.2.1 is reserved for
    documentation (RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
