"""What an operation is made of: steps, and the run that they share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from havre.config import Config
from havre.domain.promotion import ABORT
from havre.domain.redaction import Redactor
from havre.errors import Cancelled
from havre.records import queries
from havre.records.models import Environment, Operation
from havre.records.models import Step as StepRecord

if TYPE_CHECKING:
    from havre.adapters.swarm.engine import Engine
    from havre.operations.builds import Builds
    from havre.operations.routing import Routing


LONGEST_LINE: Final = 4000
"""Characters of a line in an operation's log; what is beyond is cut off."""


class Interrupted(BaseException):
    """The worker is stopping; the operation stays claimed and the next worker continues it.

    Not an Exception, so that no handler takes it for a failure and undoes the work.
    """


@dataclass(frozen=True)
class Step:
    """One line of a runbook. ``act`` returns what it found or did, in a few words."""

    name: str
    title: str
    act: Callable[[], str | None]


@dataclass(frozen=True)
class Runbook:
    """The steps of an operation, and what takes their traces away when one fails.

    Every step may be run again after a crash: it looks at what is there before it acts. ``undo``
    brings back what served before; it too may be run again.
    """

    steps: tuple[Step, ...]
    undo: Callable[[], str | None]


@dataclass(frozen=True)
class Platform:
    """What every operation works with."""

    config: Config
    engine: Engine
    routing: Routing
    stopping: threading.Event
    builds: Builds
    images: dict[str, str] = field(default_factory=dict)
    """Ids of the platform's images by tag, as this worker last saw them."""
    preparing: threading.Lock = field(default_factory=threading.Lock)
    """Held by who prepares images and router, so that it is done once."""


@dataclass
class Run:
    """One run of one operation by this worker."""

    platform: Platform
    operation: Operation
    environment: Environment
    source: str = "havre"
    _lines: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _flushed: float = 0.0
    _looked: float = 0.0
    redact: Redactor = field(default_factory=Redactor)
    """Takes secrets that were opened for this operation out of what people read."""
    undoing: bool = False
    step: Step | None = None
    """The step that runs."""
    _told: str = ""
    at_part: Callable[[str], None] = lambda _: None
    """Called with the name of each part of a step that begins."""

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.environment.project.name

    def log(self, line: str, source: str = "") -> None:
        """Record a line for whoever follows. Lines are written in batches, at most 0.2 s late."""
        with self._lock:
            self._lines.append((source or self.source, self.redact(line)[:LONGEST_LINE]))
        if time.monotonic() - self._flushed > 0.2:  # noqa: PLR2004 - seconds
            self.flush()

    def log_all(self, lines: Sequence[tuple[str, str]], **facts: object) -> None:
        """Record lines, each (source, line), and store facts with the operation: both or neither."""
        self.flush()
        result = {**self.operation.result, **facts}
        queries.record_output(
            self.operation, [(source, self.redact(line)[:LONGEST_LINE]) for source, line in lines], result
        )
        self.operation.result = result

    def tell(self, message: str) -> None:
        """What the running step does or waits for now; a listing of operations shows it."""
        if self.step is None or message == self._told:
            return
        self._told = message
        StepRecord.objects.filter(operation=self.operation, name=self.step.name).update(message=message[:500])
        told = {"name": self.step.name, "title": self.step.title, "state": StepRecord.State.RUNNING}
        queries.record_event(self.operation, "step", {**told, "message": message, "seconds": None})

    def part(self, name: str, message: str = "") -> None:
        """A part of a long step begins; a worker may die here as well as between two steps.

        Args:
            name: unlike that of any other part of the step, and the same after a restart.
            message: what begins, for the log and for listings.
        """
        if message:
            self.log(message)
            self.tell(message)
        self.at_part(name)

    def flush(self) -> None:
        """Write the lines that wait."""
        with self._lock:
            lines, self._lines = self._lines, []
            self._flushed = time.monotonic()
        if lines:
            queries.record_log(self.operation, lines)

    def checkpoint(self, *, at_once: bool = False) -> None:
        """Stop here if somebody asked for it; call it in every loop that waits.

        The database is asked twice a second at most, unless ``at_once``.

        Raises:
            Interrupted: the worker is stopping.
            Cancelled: somebody cancelled the operation.
        """
        if self.platform.stopping.is_set():
            raise Interrupted
        if self.undoing:
            return
        now = time.monotonic()
        if at_once or now - self._looked > 0.5:  # noqa: PLR2004 - seconds
            self._looked = now
            self.flush()
            cancelled = Operation.objects.filter(pk=self.operation.pk, cancel_requested=True)
            asked = cancelled.values_list("request", flat=True).first()
            if asked is not None:
                what = (
                    "the canary was given up, as asked" if asked == ABORT else "the operation was cancelled"
                )
                raise Cancelled(what)

    def is_stopped(self) -> bool:
        """The same question as a value, for adapters that poll."""
        try:
            self.checkpoint()
        except (Interrupted, Cancelled):
            return True
        return False

    def wait(self, *, every: float, at_most: float) -> Iterator[float]:
        """Yield the seconds waited so far, every so often, until the time is over."""
        start = time.monotonic()
        while True:
            elapsed = time.monotonic() - start
            yield elapsed
            if elapsed > at_most:
                return
            self.checkpoint()
            time.sleep(every)

    def remember(self, **facts: object) -> None:
        """Store facts with the operation, for a later run of it and for its result."""
        self.operation.result = {**self.operation.result, **facts}
        Operation.objects.filter(pk=self.operation.pk).update(result=self.operation.result)

    @contextmanager
    def logging_as(self, source: str) -> Iterator[None]:
        """Lines logged inside are marked as coming from this source."""
        before, self.source = self.source, source
        try:
            yield
        finally:
            self.flush()
            self.source = before
