"""Keeping builds, and the engine's own work for them, to some of the processors.

The others stay free for what serves: a request that arrives while a build has all processors waits until
the kernel takes one away from it, at each of the processes on its way (measured: docs/adr/0018).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from havre.adapters.cgroups.place import Place
from havre.domain.ceiling import Ceiling, own_processors, processors

_LISTS = ("cpuset.cpus", "cpuset.mems")


def keep(place: Place, ceiling: Ceiling, name: str = "") -> tuple[int, ...]:
    """Keep a group of builds to some processors; none where the kernel does not offer it here.

    Args:
        place: where builds run.
        ceiling: of all builds.
        name: of the group, below the place's; empty for the place itself.
    """
    folder = place.folder("cpuset" if place.version == 1 else "") / name
    try:
        if place.version == 1:
            _fill(folder, place.root / "cpuset")
            available = (folder.parent / "cpuset.cpus").read_text()
        else:
            available = (folder.parent / "cpuset.cpus.effective").read_text()
        chosen = own_processors(ceiling, processors(available))
        with (folder / "cpuset.cpus").open("r+") as file:
            file.write(",".join(map(str, chosen)))
    except OSError:
        return ()
    return chosen


def _fill(folder: Path, root: Path) -> None:
    """A new group of cgroup v1 has no processors until somebody gives it some (cpuset(7))."""
    above = root
    for part in folder.relative_to(root).parts:
        inside = above / part
        for name in _LISTS:
            with (inside / name).open("r+") as file:
                if not file.read().strip():
                    file.write((above / name).read_text())
        above = inside


@contextlib.contextmanager
def kept_engine(place: Place, ceiling: Ceiling) -> Iterator[None]:
    """Keep the engine's process to the same processors during a block: it writes the layers.

    Not its children: they forward requests, or are containers. Where it cannot be done, it is left out.
    A worker that dies in between leaves the engine there until the next build has ended.
    """
    everywhere = os.sched_getaffinity(0)
    _bind(place.engine, own_processors(ceiling, sorted(everywhere)))
    try:
        yield
    finally:
        _bind(place.engine, everywhere)


def _bind(pid: int, chosen: Collection[int]) -> None:
    if not pid:
        return
    with contextlib.suppress(OSError):
        # A thread has those of the one that began it: what begins meanwhile is right by itself.
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(thread.name), chosen)
