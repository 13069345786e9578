"""Running a client whose output is read line by line, and that can be stopped at any moment."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from havre.children import ending_with_us
from havre.errors import BuildError, Cancelled

POLL_SECONDS = 0.2
"""How often to ask whether to stop while nothing is printed."""

GRACE_SECONDS = 5.0
"""Time a client has to end after SIGTERM; it tells the builder to stop, too."""

READ_BYTES = 65536
LONGEST_LINE = 65536
"""A longer line is cut into pieces, so that output without line ends cannot fill the memory."""


def stream(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    cancelled: Callable[[], bool],
    time_limit: float,
) -> int:
    """Run a command, give each line of its output to ``on_line``, return its exit code.

    The command gets a process group of its own; whatever way this ends, nothing of the group is left, and
    the command is told to end should this process be killed.

    Args:
        command: argument list.
        env: the complete environment.
        on_line: takes a line, standard output and error mixed.
        cancelled: asked all along; when it says yes, the command is stopped.
        time_limit: seconds after which the command is stopped.

    Raises:
        Cancelled: it was stopped because ``cancelled`` said so.
        BuildError: it was stopped because it took too long.
    """
    process = subprocess.Popen(
        ending_with_us(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        start_new_session=True,
    )
    deadline = time.monotonic() + time_limit
    try:
        for line in _lines(process, deadline, time_limit, cancelled):
            on_line(line)
        return process.wait(GRACE_SECONDS)
    finally:
        _end(process)
        if process.stdout:
            process.stdout.close()


def _lines(
    process: subprocess.Popen[bytes], deadline: float, time_limit: float, cancelled: Callable[[], bool]
) -> Iterator[str]:
    assert process.stdout is not None  # noqa: S101 - asked for above; tells the type checker
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled():
                raise Cancelled("The build was stopped.")
            if time.monotonic() > deadline:
                raise BuildError(
                    f"The build took longer than {time_limit:g} s and was stopped.",
                    hint="Look at the last step in the log; a command may wait for input.",
                )
            if not selector.select(POLL_SECONDS):
                continue
            chunk = os.read(process.stdout.fileno(), READ_BYTES)
            if not chunk:
                break
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > LONGEST_LINE:
                lines, pending = [*lines, pending], b""
            yield from (line.decode(errors="replace") for line in lines)
    if pending:
        yield pending.decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group: politely, then at once."""
    if process.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            pass
        return
