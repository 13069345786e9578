"""The worker's scratch space: folders of the state directory that live as long as an operation.

They may hold a deploy key or a build's secret for a moment, so they are neither in a folder that others
can look into nor left there when a worker was killed.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from havre.config import Paths
from havre.records.needs import operations_under_way

log = logging.getLogger(__name__)


def take_over(paths: Paths) -> None:
    """Use the state directory for temporary files, and remove what an earlier worker left there.

    Call it once, before anything else of the worker runs; no other worker does (it holds a lock). The
    checkouts of operations that go on are kept until these replace them.
    """
    tempfile.tempdir = str(paths.builds)
    under_way = {str(number) for number in operations_under_way()}
    left = [*_entries(paths.builds), *(p for p in _entries(paths.sources) if p.name not in under_way)]
    for path in left:
        log.info("removing %s, left by an earlier worker", path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
