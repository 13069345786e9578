"""A command in a pseudo-terminal: what a person would see, and type."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")


class Terminal:
    """A command in a terminal of 80 columns.

    Args:
        command: the program and its arguments.
        environment: what is added to this process's, or replaced.
        cwd: its folder.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {**os.environ, **(environment or {}), "TERM": "xterm-256color"}
        # setsid: it is the session's own terminal, so that Ctrl-C reaches who reads it.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=side, stdout=side, stderr=side, env=environ, cwd=cwd
        )
        os.close(side)
        self.raw = b""

    @property
    def text(self) -> str:
        """All that was drawn so far, without escape sequences."""
        return _ESCAPES.sub("", self.raw.decode(errors="replace"))

    def read(self, until: str = "", seconds: float = 60) -> str:
        """Read on until some words are seen, or to its end; all that was drawn so far."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (not until or until not in self.text):
            if not select.select([self.main], [], [], 0.1)[0]:
                continue
            try:
                block = os.read(self.main, 65536)
            except OSError:  # the other side is closed
                break
            if not block:
                break
            self.raw += block
        assert until in self.text, self.text
        return self.text

    def type(self, text: str) -> None:
        """Press keys; Enter is a line feed."""
        os.write(self.main, text.encode())

    def leave(self, key: str) -> int:
        """Press a key until the command ends, as a person would; its exit code.

        The first time may come in the moment between the question and the reading, and be lost.
        """
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            self.type(key)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        return self.end()

    def end(self) -> int:
        """Read to its end; its exit code."""
        self.read()
        code = self.process.wait(60)
        os.close(self.main)  # before that, it would be a hang-up
        return code
