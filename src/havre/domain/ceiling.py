"""What builds may take of a server, and where an engine runs them: pure values and decisions.

A build's commands run in control groups that the engine's embedded BuildKit makes, one per ``RUN``.
Where, was measured on Docker 20.10.24 with cgroup v1 and the driver ``cgroupfs``, and is read from the
sources of moby (``newCgroupParent``), BuildKit (``GenerateSpec``) and runc for the others:

==============  =====================================================================================
driver          group of one ``RUN``
==============  =====================================================================================
``cgroupfs``    ``/PARENT/buildkit/ID``; PARENT is the engine's ``cgroup-parent``, ``docker`` without one
``systemd``     ``SLICE:docker:ID``, SLICE likewise (``system.slice``), relative: with v1 inside the
                group of the engine's process, with v2 beside it
==============  =====================================================================================

So with ``cgroupfs`` there is one group above all builds, which takes the ceiling as a whole; with
``systemd`` there is none of their own, and each group gets its part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

CONTROLLERS: Final = ("cpu", "cpuset", "memory", "blkio")
"""Controllers of cgroup v1 in which a ceiling is written; v2 has one hierarchy for all."""

PERIOD: Final = 100_000
"""Microseconds in which a share of processors is counted out."""

LEAST_CPUS: Final = 0.1
LEAST_MEMORY: Final = 256 * 1024**2
_MIB: Final = 1024**2


@dataclass(frozen=True)
class Ceiling:
    """What all builds together may take: processors (0.5 is half of one) and bytes of memory."""

    cpus: float
    memory: int

    def part(self, count: int) -> Ceiling:
        """The ceiling of one of several groups, so that together they stay below it."""
        return Ceiling(self.cpus / max(count, 1), self.memory // max(count, 1))

    def __str__(self) -> str:
        processors = "1 processor" if self.cpus == 1 else f"{self.cpus:g} processors"
        return f"{processors} and {size(self.memory)} of memory"


def chosen(*, cpus: float, memory: int, cores: int, total: int) -> Ceiling:
    """The ceiling of a server.

    Args:
        cpus: the setting ``build_cpus``; 0 for half of the processors.
        memory: the setting ``build_memory`` in bytes; 0 for half of the memory.
        cores: processors of this machine.
        total: its memory in bytes.
    """
    most = float(cores)
    wanted = cpus or cores / 2
    room = memory or total // 2
    return Ceiling(max(min(wanted, most), LEAST_CPUS), max(min(room, total), LEAST_MEMORY))


def processors(text: str) -> tuple[int, ...]:
    """The numbers of a kernel's list of processors, such as ``0-2,5`` (cpuset(7), "List format")."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def own_processors(ceiling: Ceiling, available: Sequence[int]) -> tuple[int, ...]:
    """The processors that builds keep to: the last ones, as few as the ceiling allows."""
    return tuple(available[-math.ceil(ceiling.cpus) :])


@dataclass(frozen=True)
class BuildGroups:
    """Where the groups of an engine's builds appear.

    Args:
        folders: by controller, the folder below the controller's root; with v2 the only key is empty.
        prefix: how the names of builds' groups in it begin; empty where it holds nothing else.
    """

    folders: Mapping[str, PurePosixPath]
    prefix: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the folder is a group for builds alone, so that it takes the ceiling as a whole."""
        return not self.prefix


def build_groups(*, driver: str, version: int, parent: str, own: Mapping[str, str]) -> BuildGroups:
    """Where an engine runs its builds.

    Args:
        driver: ``CgroupDriver`` of the engine's ``/info``.
        version: 1 or 2.
        parent: the engine's ``cgroup-parent``; may be empty.
        own: groups of the engine's process, by controller; with v2 the only key is empty.
    """
    keys = CONTROLLERS if version == 1 else ("",)
    if driver != "systemd":
        folder = PurePosixPath("/", (parent or "docker").lstrip("/"), "buildkit")
        return BuildGroups(dict.fromkeys(keys, folder))
    folders = {key: PurePosixPath("/", own.get(key, "/").lstrip("/")) for key in keys}
    if version != 1:
        folders = {key: folder.parent for key, folder in folders.items()}
    return BuildGroups(folders, prefix=f"{parent or 'system.slice'}:docker:")


@dataclass(frozen=True)
class Write:
    """One value of a control group's file; a ``vital`` one is part of what was promised."""

    controller: str
    file: str
    value: str
    vital: bool = True


def writes(ceiling: Ceiling, version: int, *, kept_to: int = 0) -> tuple[Write, ...]:
    """What a group gets: the ceiling, and last place in the queue for processors and disk.

    Builds take processors only when no application wants them (``cpu.idle``, since Linux 5.15; before
    that the smallest weight), so that the ceiling is for what a busy processor costs its neighbours.
    Swap is not limited: on a small server a build may need it.

    Args:
        ceiling: of the group.
        version: of the control groups.
        kept_to: on how many processors it is kept already. Where that is the ceiling, no time is counted
            out: what is stopped for it may hold a lock of the kernel that an application waits for.
    """
    quota = max(round(ceiling.cpus * PERIOD), 1000)
    is_kept = 0 < kept_to <= ceiling.cpus
    memory = str(max(ceiling.memory, _MIB))
    if version == 1:
        return (
            Write("cpu", "cpu.cfs_period_us", str(PERIOD)),
            Write("cpu", "cpu.cfs_quota_us", "-1" if is_kept else str(quota)),
            Write("cpu", "cpu.shares", "2", vital=False),
            Write("cpu", "cpu.idle", "1", vital=False),
            Write("memory", "memory.limit_in_bytes", memory),
            Write("blkio", "blkio.bfq.weight", "1", vital=False),
        )
    return (
        Write("", "cpu.max", f"{'max' if is_kept else quota} {PERIOD}"),
        Write("", "cpu.weight", "1", vital=False),
        Write("", "cpu.idle", "1", vital=False),
        Write("", "memory.max", memory),
        Write("", "io.weight", "default 1", vital=False),
        Write("", "io.bfq.weight", "1", vital=False),
    )


def oom_kills(text: str) -> int:
    """How many processes the kernel ended for memory: ``memory.events`` (v2), ``memory.oom_control``."""
    for line in text.splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill" and count.strip().isdigit():
            return int(count)
    return 0


def groups_of(text: str) -> dict[str, str]:
    """``/proc/PID/cgroup``: the group by controller; that of cgroup v2 has an empty key."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        names, _, group = rest.partition(":")
        found |= dict.fromkeys(names.split(","), group)
    return found


def parent_option(words: list[str]) -> str | None:
    """The value of ``--cgroup-parent`` on the engine's argument list; None without one."""
    for at, word in enumerate(words):
        if word == "--cgroup-parent":
            return words[at + 1] if at + 1 < len(words) else None
        if word.startswith("--cgroup-parent="):
            return word.partition("=")[2]
    return None


def size(count: int) -> str:
    """Bytes for people."""
    gib = count / 1024**3
    return f"{gib:.3g} GiB" if gib >= 1 else f"{count / _MIB:.0f} MiB"
