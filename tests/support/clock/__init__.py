"""A clock of Havre's processes that a test may set; the steady one goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server import Server

Set = Callable[[float], None]


@contextmanager
def settable(server: Server) -> Iterator[Set]:
    """The server, and who asks it, on a clock that the given function sets, to so many seconds ahead."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        raise RuntimeError("this test needs libfaketime: apt-get install libfaketime")
    ahead = server.state.parent / "clock"

    def set_clock(seconds: float) -> None:
        new = ahead.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        new.chmod(0o644)
        new.replace(ahead)

    faked = {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(ahead),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    set_clock(0)
    server.stop()
    server.environment.update(faked)
    try:
        server.start()
        yield set_clock
    finally:
        server.stop()
        for name in faked:
            del server.environment[name]
        server.start()
