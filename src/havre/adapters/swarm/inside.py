"""Short commands inside a running container of this node, and their answers."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.exec import Session

_PATIENCE: Final = 120  # seconds without a byte of the answer


@dataclass(frozen=True)
class Answer:
    """What a command wrote, and how it ended."""

    exit_code: int
    out: str
    err: str

    @property
    def is_good(self) -> bool:
        """Whether it said that it did what it should."""
        return self.exit_code == 0


def run_inside(engine: Engine, container: str, command: list[str], *, patience: int = _PATIENCE) -> Answer:
    """Run a command to its end, as the image's user, without input.

    Args:
        engine: of the node.
        container: its id.
        command: program and arguments; they can be seen by others on the server.
        patience: seconds without output after which it is given up (it goes on in the container).

    Raises:
        EngineError: the container is not there or not running, or the engine does not answer.
    """
    return _run(engine, container, command, None, patience)


def tell_inside(
    engine: Engine, container: str, command: list[str], text: bytes, *, patience: int = _PATIENCE
) -> Answer:
    """The same with an input: for what must not be seen in an argument.

    Raises:
        EngineError: as above.
    """
    return _run(engine, container, command, text, patience)


def _run(engine: Engine, container: str, command: list[str], text: bytes | None, patience: float) -> Answer:
    session = Session(engine, container, command, tty=False, stdin=text is not None)
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    said: dict[int, bytes] = {}

    def collect(descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as stream:
            said[descriptor] = stream.read()

    def give() -> None:
        with suppress(BrokenPipeError), os.fdopen(write_in, "wb") as stream:
            stream.write(text or b"")

    threads = [
        threading.Thread(target=give, daemon=True),
        threading.Thread(target=collect, args=(read_out,), daemon=True),
        threading.Thread(target=collect, args=(read_err,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        code = session.run(read_in, write_out, write_err, patience=patience)
    finally:
        for descriptor in (read_in, write_out, write_err):
            os.close(descriptor)
        for thread in threads:
            thread.join(5)
    return Answer(code, _text(said.get(read_out)), _text(said.get(read_err)))


def _text(content: bytes | None) -> str:
    return (content or b"").decode(errors="replace")
