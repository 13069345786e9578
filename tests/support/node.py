"""The machine of the disposable engine: mounts that only its processes see."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server import engine_host


def in_node(*command: str | Path) -> None:
    """Run a command among the engine's own mounts."""
    first = (_folder() / "init.pid").read_text().strip()
    subprocess.run(["nsenter", "-t", first, "-m", "--", *map(str, command)], check=True)


def data_root() -> Path:
    """Where the engine keeps everything."""
    return _folder() / "data"


def _folder() -> Path:
    return Path(engine_host().removeprefix("unix://")).parent


@contextmanager
def no_room_for_layers() -> Iterator[None]:
    """The folder in which the engine begins every new layer of an image is on a disk that is full."""
    folder = data_root() / "image" / "overlay2" / "layerdb" / "tmp"
    in_node("mkdir", "-p", folder)
    in_node("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder)
    try:
        in_node("dd", "if=/dev/zero", f"of={folder}/filler", "bs=4k", "count=1", "status=none")
        yield
    finally:
        in_node("umount", folder)
