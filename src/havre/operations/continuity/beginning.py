"""Have a repository of the archive there, whatever an earlier attempt or an earlier installation left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

from havre.adapters.s3 import bucket as s3
from havre.adapters.swarm.inside import Answer
from havre.domain.continuity import archive
from havre.domain.continuity.archive import NO_REPOSITORY, NO_SETTINGS, Place
from havre.domain.continuity.beginning import (
    SET_ASIDE,
    Next,
    aside,
    is_begun,
    next_step,
)
from havre.domain.continuity.failures import Cause
from havre.domain.continuity.repositories import OffSite
from havre.errors import BackupError

_PAUSE: Final = 3.0  # seconds
_MOST: Final = 60
"""Looks at most; unfinished ones are waited for."""
_MAKING: Final = threading.Lock()
"""Held while a repository is made: two made at once leave the key of one and the settings of the other, which
opens never again. Only one worker runs on a server."""

Ask = Callable[..., Answer]
Run = Callable[[Sequence[str]], Answer]


class Remains(Protocol):
    """What is at the place of a repository that does not open."""

    def files(self) -> list[str] | None:
        """Relative to it, not all of them if they are many; None if that cannot be told."""
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove just these."""
        ...


class Here:
    """Of the local one, in a container that sees it."""

    def __init__(self, run: Run, path: str = archive.LOCAL_PATH) -> None:
        self._run = run
        self._path = path

    def files(self) -> list[str]:
        """But for what was set aside."""
        beside = ["-path", f"{self._path}/{SET_ASIDE}", "-prune", "-o"]
        answer = self._good(["find", self._path, "-maxdepth", "3", *beside, "-type", "f", "-printf", r"%P\n"])
        return answer.out.splitlines()

    def remove(self, names: Sequence[str]) -> None:
        """Its folders stay."""
        self._good(["rm", "-f", "--", *(f"{self._path}/{name}" for name in names)])

    def set_aside(self, folder: str) -> None:
        """Move all of it to a folder within; who is killed meanwhile leaves what is set aside next."""
        target = f"{self._path}/{folder}"
        self._good(["mkdir", "-p", target])
        own = [self._path, "-mindepth", "1", "-maxdepth", "1", "!", "-name", SET_ASIDE]
        self._good(["find", *own, "!", "-name", "lost+found", "-exec", "mv", "-t", target, "{}", "+"])

    def _good(self, command: Sequence[str]) -> Answer:
        answer = self._run(command)
        if not answer.is_good:
            raise BackupError(f"the archive on this server cannot be cleared: {answer.err.strip()[:300]}")
        return answer


class There:
    """Of the off-site one, asked directly: restic lists nothing without settings."""

    def __init__(self, place: Place, storage: OffSite) -> None:
        keys = dict(place.settings)
        self._bucket = s3.Bucket(
            storage.endpoint,
            storage.bucket,
            storage.region,
            storage.style,
            keys["AWS_ACCESS_KEY_ID"],
            keys["AWS_SECRET_ACCESS_KEY"],
            place.ca,
        )
        self._prefix = "/".join(filter(None, (storage.prefix, archive.FOLDER, "")))

    def files(self) -> list[str] | None:
        """The first thousand; perhaps only containers reach it."""
        try:
            return s3.names(self._bucket, f"{self._prefix}/")
        except BackupError:
            return None

    def remove(self, names: Sequence[str]) -> None:
        """By name."""
        s3.remove(self._bucket, *(f"{self._prefix}/{name}" for name in names))


def begin(place: Place, ask: Ask, run: Run, pause: Callable[[float], None]) -> str:
    """Have the repository there and open; what had to be done for it, empty if nothing.

    Args:
        place: the repository.
        ask: runs restic there.
        run: runs another program in the same container.
        pause: waits for seconds, or raises to stop.

    Raises:
        BackupError: it cannot be opened or made, with the cause.
    """
    answer = ask("cat", "config")
    if answer.is_good:
        return ""
    with _making(pause):
        return _Beginning(place, ask, run, pause).end()


@contextmanager
def _making(pause: Callable[[float], None]) -> Iterator[None]:
    while not _MAKING.acquire(timeout=1.0):
        pause(0.0)
    try:
        yield
    finally:
        _MAKING.release()


class _Beginning:
    def __init__(self, place: Place, ask: Ask, run: Run, pause: Callable[[float], None]) -> None:
        self._ask = ask
        self._pause = pause
        self._here = Here(run) if place.storage is None else None
        self._remains: Remains = self._here or There(place, place.storage)  # type: ignore[arg-type]
        self._told: list[str] = []

    def end(self) -> str:
        waits: float | None = None
        for _ in range(_MOST):
            answer = self._ask("cat", "config")
            files = self._remains.files() if answer.exit_code == NO_REPOSITORY else ()
            now = time.monotonic()
            step = next_step(
                answer.exit_code, answer.err, files, is_local=bool(self._here), waited=now - (waits or now)
            )
            if step is Next.USE:
                return "; ".join(self._told)
            if step is Next.WAIT:
                waits = waits or now
                self._pause(_PAUSE)
                continue
            waits = None
            self._act(step, answer, files)
        raise BackupError("the archive is begun by somebody else again and again", retryable=True)

    def _act(self, step: Next, answer: Answer, files: Sequence[str] | None) -> None:
        if step is Next.MAKE:
            made = self._ask("init")
            if not made.is_good and (files is None or not is_begun(made.err)):
                self._refuse(made)
        elif step is Next.CLEAR and files:
            self._remains.remove(files)
            self._told.append("an unfinished one, without data, was removed")
        elif step is Next.SET_ASIDE and self._here:
            folder = aside(datetime.now(UTC))
            self._here.set_aside(folder)
            self._told.append(
                f"what was there opens no more: it was moved to {folder}"
                f" in the volume {archive.LOCAL_VOLUME}, and a new one begun"
            )
        else:
            self._refuse(answer, NO_SETTINGS if files else None)

    def _refuse(self, answer: Answer, known: Cause | None = None) -> None:
        found = known or archive.cause(answer.exit_code, answer.err + answer.out, is_local=bool(self._here))
        raise BackupError(found.message, hint=found.hint, detail=answer.err.strip())
