"""Processes beside this one that work on batches of rows, so that every processor has some to do."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, Protocol, Self

from havre.errors import HavreError

MOST: Final = 4
_PATIENCE: Final = 10.0


class Work(Protocol):
    """What one process does: job after job, and what it has gathered in the end."""

    def __call__(self, job: Any, /) -> Any:
        """Do one job; it and its result can be pickled, and it is not None."""

    def gathered(self) -> Any:
        """What came together over all its jobs."""


class Workers:
    """Processes that are forked with everything that their work needs; jobs and results go through pipes.

    Args:
        make: makes the work; called in each process.
        count: how many; by default as many as there are processors, up to :data:`MOST`.
    """

    def __init__(self, make: Callable[[], Work], count: int = 0) -> None:
        # Forked, for the hashes of one run have to be the same in all of them, and nothing is copied.
        context = multiprocessing.get_context("fork")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        for _ in range(count or min(MOST, os.cpu_count() or 1)):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, make), daemon=True)
            with warnings.catch_warnings():
                # Python warns of forking beside threads; what is forked works on rows and takes no lock.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            there.close()
            self._workers.append((process, here))

    def in_order(self, jobs: Iterable[Any]) -> Iterator[Any]:
        """The results of jobs in their order; never more jobs are under way than there are processes.

        Raises:
            HavreError: what a job raised, or a process ended.
        """
        under_way: deque[Connection] = deque()
        for number, job in enumerate(jobs):
            if len(under_way) == len(self._workers):
                yield _received(under_way.popleft())
            connection = self._workers[number % len(self._workers)][1]
            with _ended():
                connection.send(job)
            under_way.append(connection)
        while under_way:
            yield _received(under_way.popleft())

    def gathered(self) -> Iterator[Any]:
        """What each process gathered."""
        for _, connection in self._workers:
            with _ended():
                connection.send(None)
            yield _received(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _process, connection in self._workers:
            connection.close()
        for process, _connection in self._workers:
            process.kill()
            process.join(_PATIENCE)


@contextlib.contextmanager
def _ended() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise HavreError(
            "a process that worked on the rows has ended", hint="was the memory enough?", retryable=True
        ) from error


def _received(connection: Connection) -> Any:
    with _ended():
        error, result = connection.recv()
    if error is not None:
        raise HavreError(error[0], hint=error[1])
    return result


def _serve(connection: Connection, make: Callable[[], Work]) -> None:
    """The other side of the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that leads
    with contextlib.suppress(EOFError, OSError):
        work: Work | None = None
        while True:
            job = connection.recv()
            try:
                work = work or make()
                result = work.gathered() if job is None else work(job)
            except HavreError as error:
                connection.send(((error.message, error.hint), None))
            else:
                connection.send((None, result))
