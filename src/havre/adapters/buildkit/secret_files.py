"""Build secrets as files that are on no file system."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def secret_files(values: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """Paths at which the docker client can read values, by the secret's id.

    They are files in memory of this process (``memfd_create(2)``), which the client, run by the same
    account, opens below ``/proc``. So a secret is in no folder, and when this process dies, at whatever
    moment, nothing of it is left to be removed.
    """
    with ExitStack() as stack:
        made: dict[str, Path] = {}
        for name, value in values.items():
            file = stack.enter_context(os.fdopen(os.memfd_create(f"build-secret-{name}"), "wb"))
            file.write(value.encode())
            file.flush()
            made[name] = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        yield made
