"""One anonymised copy at a time on a server: so whatever an earlier process left there belongs to nobody."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from havre.errors import ConflictError, UsageError

_LOCK: Final = "anonymise.lock"


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the lock of this server; the kernel gives it back when the process ends, however it ends.

    Raises:
        ConflictError: another process holds it.
        UsageError: the state directory cannot be written.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(
            f"{state} cannot be written by this account", hint="run it as root on the server"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                "another copy is being made on this server", hint="try again when it is done"
            ) from error
        yield
    finally:
        os.close(lock)


def is_under_way(state: Path) -> bool:
    """Whether a process makes a copy now."""
    try:
        lock = os.open(state / _LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
