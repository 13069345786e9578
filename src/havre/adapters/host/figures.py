"""What a machine is busy with, as gauges and counters.

Bytes, seconds, and shares from 0 to 1. Counters grow since the machine started.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

_PRESSURE: Final = Path("/proc/pressure")
_KINDS: Final = ("cpu", "memory", "io")
_STALL: Final = re.compile(r"^(some|full) .*\btotal=(\d+)$", re.MULTILINE)
_VIRTUAL: Final = ("lo", "veth", "br-", "docker", "vxlan", "dummy")
"""Beginnings of names of interfaces whose traffic stays on the machine, or is counted by another one too."""


@dataclass(frozen=True)
class Figures:
    """One look at the machine.

    Attributes:
        at: when, by the monotonic clock.
        gauges: by name.
        counters: by the name that their rate has.
    """

    at: float
    gauges: dict[str, float] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)


def stalled(text: str) -> dict[str, float]:
    """Seconds for which some, or all, tasks waited, from a file of ``/proc/pressure``.

    Format: https://docs.kernel.org/accounting/psi.html (``total`` is in microseconds).
    """
    return {kind: int(total) / 1e6 for kind, total in _STALL.findall(text)}


def resident_beside(role: str) -> float | None:
    """Bytes of memory of a process with the same parent, by its last argument; None if there is none."""
    parent = os.getppid()
    with suppress(OSError, psutil.Error):
        for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            process = psutil.Process(int(pid))
            if process.cmdline()[-1:] == [role]:
                return float(process.memory_info().rss)
    return None


def figures(disks: dict[str, Path], *, pressure: Path = _PRESSURE) -> Figures:
    """Look at this machine.

    Args:
        disks: paths whose file systems are told, by a name for them.
        pressure: where the kernel tells for how long tasks waited; it may lack.
    """
    at = time.monotonic()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    gauges = {
        "memory.total": float(memory.total),
        "memory.available": float(memory.available),
        "memory.used_share": 1 - memory.available / memory.total,
        "swap.used": float(swap.used),
        **dict(zip(("load.1", "load.5", "load.15"), os.getloadavg(), strict=True)),
    }
    for name, path in disks.items():
        with suppress(OSError):
            gauges |= _room(name, path)
    return Figures(at, gauges, _counters(pressure))


def _room(name: str, path: Path) -> dict[str, float]:
    room = psutil.disk_usage(str(path))
    return {
        f"disk.{name}.total": float(room.used + room.free),
        f"disk.{name}.used": float(room.used),
        f"disk.{name}.used_share": room.percent / 100,
    }


def _counters(pressure: Path) -> dict[str, float]:
    cpu, cores = psutil.cpu_times(), psutil.cpu_count() or 1
    idle = cpu.idle + getattr(cpu, "iowait", 0.0)
    # Of all processors, so that the rate is a share. Guests are in user already.
    busy = cpu.user + cpu.nice + cpu.system + getattr(cpu, "irq", 0) + getattr(cpu, "softirq", 0)
    counters = {
        "cpu.busy_share": busy / cores,
        "cpu.idle_share": idle / cores,
        "cpu.waiting_share": getattr(cpu, "iowait", 0.0) / cores,
        "cpu.stolen_share": getattr(cpu, "steal", 0.0) / cores,
    }
    if (disk := psutil.disk_io_counters()) is not None:
        counters |= {
            "disk.read_bytes": disk.read_bytes,
            "disk.written_bytes": disk.write_bytes,
            "disk.operations": disk.read_count + disk.write_count,
        }
    cards = [
        counted
        for name, counted in psutil.net_io_counters(pernic=True).items()
        if not name.startswith(_VIRTUAL)
    ]
    counters |= {
        "network.received_bytes": sum(card.bytes_recv for card in cards),
        "network.sent_bytes": sum(card.bytes_sent for card in cards),
        "network.errors": sum(card.errin + card.errout + card.dropin + card.dropout for card in cards),
    }
    for kind in _KINDS:
        with suppress(OSError):  # a kernel without it, or one that was told not to
            for who, seconds in stalled((pressure / kind).read_text()).items():
                counters[f"pressure.{kind}.{who}_share"] = seconds
    return counters
