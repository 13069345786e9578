"""Holding builds below a ceiling, by the control groups in which the engine runs them.

With cgroup v2 this follows the kernel's documentation (admin-guide/cgroup-v2); it was run with v1 only.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from havre.adapters.cgroups.place import Place
from havre.adapters.cgroups.processors import keep, kept_engine
from havre.domain.ceiling import Ceiling, oom_kills, writes
from havre.errors import EngineError

_EVERY: Final = 0.1  # seconds between two looks for new groups
_V2_CONTROLLERS: Final = ("cpu", "cpuset", "memory", "io")
_OOM_FILE: Final = {1: "memory.oom_control", 2: "memory.events"}


@dataclass
class Held:
    """What was seen while a ceiling was held."""

    killed: bool = False
    """Whether the kernel ended a process of a build, because the ceiling of memory was reached."""
    problems: list[str] = field(default_factory=list)


def apply(place: Place, ceiling: Ceiling) -> None:
    """Set the ceiling on the group above all builds, making it if there has been no build yet.

    Only for a place of builds' own (``groups.is_own``).

    Raises:
        EngineError: the kernel or this process's rights do not allow it.
    """
    for controller in place.groups.folders:
        # Where a controller is not mounted, a folder would be made beside the hierarchies.
        if not (place.root / controller / "cgroup.procs").exists():
            continue
        folder = place.folder(controller)
        try:
            _make(folder, place)
        except OSError as error:
            raise EngineError(f"the control group {folder} cannot be made: {error.strerror}") from error
    kept = keep(place, ceiling)
    for write in writes(ceiling, place.version, kept_to=len(kept)):
        _write(place.folder(write.controller) / write.file, write.value, vital=write.vital)


@contextlib.contextmanager
def held(place: Place, ceiling: Ceiling) -> Iterator[Held]:
    """Hold the ceiling during a block, and watch for what the kernel ends for its memory.

    A ceiling that cannot be set prevents no build; ``problems`` tells of it.
    """
    seen = Held()
    if place.groups.is_own:
        try:
            apply(place, ceiling)
        except EngineError as error:
            seen.problems.append(error.message)
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(place, ceiling, seen, done), name="ceiling", daemon=True)
    watcher.start()
    try:
        with kept_engine(place, ceiling):
            yield seen
    finally:
        done.set()
        watcher.join()


def _watch(place: Place, ceiling: Ceiling, seen: Held, done: threading.Event) -> None:
    memory = "memory" if place.version == 1 else ""
    known: frozenset[str] = frozenset()
    while not done.wait(_EVERY):
        names = _builds(place, memory)
        if not place.groups.is_own and names != known:
            _divide(place, ceiling, names, seen)
        known = names
        for name in names:
            with contextlib.suppress(OSError):
                text = (place.folder(memory) / name / _OOM_FILE[place.version]).read_text()
                seen.killed = seen.killed or oom_kills(text) > 0


def _builds(place: Place, controller: str) -> frozenset[str]:
    """Names of the groups that hold a build's commands now."""
    try:
        entries = list(place.folder(controller).iterdir())
    except OSError:
        return frozenset()
    prefix = place.groups.prefix
    return frozenset(entry.name for entry in entries if entry.name.startswith(prefix) and entry.is_dir())


def _divide(place: Place, ceiling: Ceiling, names: frozenset[str], seen: Held) -> None:
    part = ceiling.part(len(names))
    for name in names:
        kept = keep(place, ceiling, name)
        for write in writes(part, place.version, kept_to=len(kept)):
            folder = place.folder(write.controller) / name
            try:
                _write(folder / write.file, write.value, vital=write.vital)
            except EngineError as error:
                if folder.is_dir() and error.message not in seen.problems:  # else it ended meanwhile
                    seen.problems.append(error.message)


def _make(folder: Path, place: Place) -> None:
    if place.version == 1:
        folder.mkdir(parents=True, exist_ok=True)
        return
    above = place.root
    for part in folder.relative_to(place.root).parts:
        # Offer the controllers to what is below; where all are offered already this changes nothing.
        offered = (above / "cgroup.subtree_control").read_text().split()
        for name in _V2_CONTROLLERS:
            if name not in offered:
                with contextlib.suppress(OSError):
                    (above / "cgroup.subtree_control").write_text(f"+{name}")
        above /= part
        above.mkdir(exist_ok=True)


def _write(file: Path, value: str, *, vital: bool) -> None:
    try:
        # Never makes a file: where control groups are not mounted, there is none to open.
        with file.open("r+") as opened:
            opened.write(value)
    except OSError as error:
        if vital:
            raise EngineError(f"{file} does not take {value}: {error.strerror}") from error
