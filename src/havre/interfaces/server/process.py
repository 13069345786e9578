"""What each of Havre's processes is set up with: log, umask, privileges, the end of its parent."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final, TextIO

from havre.errors import ServerError

SUPERVISOR: Final = "HAVRE_SUPERVISOR_PID"
"""Environment variable by which ``havre serve`` tells its children its own pid."""

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_NO_NEW_PRIVS: Final = 38


def configure_log(role: str) -> None:
    """Log to standard error, each line with the role of this process."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format=f"%(asctime)s {role} %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("django.request").setLevel(logging.ERROR)  # what a client did wrong is told to it
    logging.getLogger("django.security").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def end_with_parent() -> None:
    """Get SIGTERM when ``havre serve`` is gone, however it went; nothing without it.

    To be called after the last change of uid, which the kernel takes as a reason to forget it.
    """
    parent = os.environ.get(SUPERVISOR)
    if parent is None:
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it went in the moment before
        raise SystemExit(0)


def drop_privileges(uid: int, gid: int) -> None:
    """Become another account for good, with no supplementary group; nothing if that is so already.

    Raises:
        ServerError: root's rights are still there.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        if 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups()):
            raise ServerError(
                "the web process still has root's rights", hint="this is a bug: please report it"
            )
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hold_lock(path: Path, holder: str) -> TextIO:
    """Hold a lock file as long as this process lives; the kernel lets go of it, whatever happens.

    Raises:
        ServerError: another process holds it.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = file.read(20).strip()
        file.close()
        raise ServerError(
            f"{holder} runs already for {path.parent.parent}{f' (pid {pid})' if pid else ''}",
            hint="stop it first, or name another directory by HAVRE_STATE",
            retryable=True,
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")
