"""Claims operations and runs their steps, recording each; continues what a dead worker left."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from havre.adapters.host import moments
from havre.controllers import interruptions
from havre.errors import WRONG_REQUEST, Cancelled, EngineAway, HavreError, UsageError
from havre.operations.build_queue import BuildQueue
from havre.operations.catalogue import RUNBOOKS
from havre.operations.context import Interrupted, Platform, Run, Runbook, Step
from havre.records import queries, trouble
from havre.records.models import Operation
from havre.records.models import Step as StepRecord

log = logging.getLogger(__name__)

_BEGINNINGS: Final = 20  # of one operation by one worker, while engine or records come and go
_AWAY_LOOK: Final = 1.0  # seconds
_IDLE_LOOK: Final = 5.0  # seconds; new operations wake the runner at once, this is the safety net
_MOST_WAITING: Final = 32


class _Lane:
    """Threads of one sort of operation, so that long commands never hold up a deployment.

    Who waits in a build queue keeps its thread, but takes no place of another operation.
    """

    def __init__(self, name: str, threads: int, builds: BuildQueue | None = None) -> None:
        self._threads = threads
        self._builds = builds
        self._running: set[Future[None]] = set()
        self.pool = ThreadPoolExecutor(threads + _MOST_WAITING, thread_name_prefix=name)

    def has_room(self) -> bool:
        self._running = {future for future in self._running if not future.done()}
        waiting = min(self._builds.waiting, _MOST_WAITING) if self._builds else 0
        return len(self._running) - waiting < self._threads

    def submit(self, act: Callable[[Operation], None], operation: Operation) -> Future[None]:
        future = self.pool.submit(act, operation)
        self._running.add(future)
        return future


class OperationRunner:
    """Runs operations in threads: one per environment at a time, and commands beside them."""

    def __init__(self, platform: Platform, boot: str) -> None:
        self._platform = platform
        self._boot = boot
        self._ended: list[Callable[[], None]] = []
        self._operations = _Lane("operation", platform.config.operation_threads, platform.builds.queue)
        self._commands = _Lane("command", platform.config.command_threads)
        self._wake = threading.Event()

    def when_one_ends(self, act: Callable[[], None]) -> None:
        """Call this too at the end of every operation."""
        self._ended.append(act)

    def wake(self) -> None:
        """Look for new operations now."""
        self._wake.set()

    def run(self) -> None:
        """Claim and run until the worker stops; then wait for what runs to reach a checkpoint."""
        taken = queries.take_over(self._boot)
        self._platform.builds.queue.expect(queries.in_step("build", taken))
        for operation in taken:
            log.info("operation %s (%s %s) continues", operation.pk, operation.kind, operation.target)
            self._submit(operation)
        while not self._platform.stopping.is_set():
            self._wake.clear()
            try:
                self._claim()
            except DatabaseError as error:
                log.warning("looking for operations: %s", trouble.of_records(error).message)
                connection.close()
            self._wake.wait(_IDLE_LOOK)
        self._operations.pool.shutdown(wait=True)
        self._commands.pool.shutdown(wait=True)

    def _claim(self) -> None:
        for lane, commands in ((self._operations, False), (self._commands, True)):
            while lane.has_room() and (claimed := queries.claim(self._boot, commands=commands)):
                self._submit(claimed)

    def _submit(self, operation: Operation) -> None:
        lane = self._commands if operation.kind in queries.COMMANDS else self._operations
        lane.submit(self._run, operation).add_done_callback(lambda _: self._over(operation))

    def _over(self, operation: Operation) -> None:
        self._platform.builds.queue.give_up(operation.pk)
        for act in self._ended:
            act()
        self.wake()  # the end of one operation may free its environment for the next

    def _run(self, operation: Operation) -> None:
        """Run it to its outcome; where engine or records are away, wait for them and begin again.

        Beginning again is what a next worker would do: each step looks before it acts. Undoing instead
        would need the very thing that is away.
        """
        try:
            for attempt in range(_BEGINNINGS):
                try:
                    close_old_connections()
                    operation.refresh_from_db()
                    run_operation(self._platform, operation, last=attempt == _BEGINNINGS - 1)
                except (EngineAway, DatabaseError) as error:
                    self._wait_for_what_is_away(operation, error)
                else:
                    return
        except Interrupted:
            log.info("operation %s is left for the next worker", operation.pk)
        except Exception:
            log.exception("operation %s", operation.pk)
        finally:
            connection.close()

    def _wait_for_what_is_away(self, operation: Operation, error: Exception) -> None:
        """Tell it, and wait until the engine answers; the records are simply tried again."""
        what = error.message if isinstance(error, HavreError) else trouble.of_records(error).message
        log.warning("operation %s waits: %s", operation.pk, what)
        with suppress(DatabaseError):
            queries.record_log(operation, [("havre", f"{what}; this goes on when that is over")])
        connection.close()
        while not self._platform.stopping.wait(_AWAY_LOOK):
            if isinstance(error, DatabaseError) or self._platform.engine.is_up():
                return
        raise Interrupted


def run_operation(platform: Platform, operation: Operation, *, last: bool = False) -> None:
    """Run one claimed operation to its outcome.

    Args:
        platform: what operations work with.
        operation: claimed by this worker.
        last: undo it even if the engine is away: it was waited for often enough.

    Raises:
        Interrupted: the worker stops; the operation stays claimed for the next one.
        EngineAway: the engine does not answer; nothing was undone.
        DatabaseError: the records cannot be read or written; nothing was undone.
    """
    if operation.environment is None:
        _end_without_environment(operation)
        return
    if not operation.clock:
        operation.clock = moments.now().facts()
        operation.save(update_fields=["clock"])
    run = Run(platform, operation, operation.environment)
    run.at_part = lambda name: interruptions.at(run, run.step, name) if run.step else None
    runbook = RUNBOOKS[operation.kind](run)
    _write_down(operation, runbook)
    if begun := operation.result.get("undoing"):
        # The last worker died while it undid: going forward now would contradict it.
        _undo(run, runbook, Operation.State(begun["state"]), HavreError(**begun["error"]), last=last)
        return
    try:
        _require_fewer_deaths(operation, platform.config.operation_attempts)
        for step in runbook.steps:
            run.checkpoint(at_once=True)
            _take(run, step)
    except DatabaseError:
        raise
    except HavreError as error:
        if isinstance(error, EngineAway) and not last:
            raise
        state = Operation.State.CANCELLED if isinstance(error, Cancelled) else Operation.State.FAILED
        _undo(run, runbook, state, error, last=last)
    except Exception as error:
        log.exception("operation %s", operation.pk)
        unexpected = HavreError(
            f"unexpected {type(error).__name__} in Havre; the worker's log has the details",
            hint="please report it",
        )
        _undo(run, runbook, Operation.State.FAILED, unexpected, last=last)
    else:
        run.flush()
        queries.finish(operation, Operation.State.SUCCEEDED, result=run.operation.result)


def _require_fewer_deaths(operation: Operation, most: int) -> None:
    if operation.attempt > most:
        times = "once" if most == 1 else f"{most} times"
        raise HavreError(
            f"the worker ended {times} during this operation",
            hint="its log is in the worker's log; `havre doctor` looks at memory and disk",
        )


def _end_without_environment(operation: Operation) -> None:
    """What destroys an environment is done when it is gone, also if the worker died at that moment."""
    if operation.kind == "destroy":
        operation.steps.exclude(state=StepRecord.State.DONE).update(
            state=StepRecord.State.DONE, finished_at=timezone.now()
        )
        queries.finish(operation, Operation.State.SUCCEEDED, result=operation.result)
        return
    queries.finish(operation, Operation.State.FAILED, error=HavreError("its environment is gone"))


def _write_down(operation: Operation, runbook: Runbook) -> None:
    """Record all steps to come, so that who watches sees how long the way is."""
    for position, step in enumerate(runbook.steps):
        StepRecord.objects.get_or_create(
            operation=operation, name=step.name, defaults={"position": position, "title": step.title}
        )
    planned = [{"name": step.name, "title": step.title} for step in runbook.steps]
    queries.record_event(operation, "plan", {"steps": planned, "attempt": operation.attempt})


def _take(run: Run, step: Step) -> None:
    began = time.monotonic()
    run.step = step
    _record(run, step, StepRecord.State.RUNNING)
    interruptions.at(run, step, "begin")
    try:
        message = step.act() or ""
    except Exception as error:
        run.flush()
        words = error.message if isinstance(error, HavreError) else type(error).__name__
        _record(run, step, StepRecord.State.FAILED, run.redact(words), time.monotonic() - began)
        raise
    interruptions.at(run, step, "end")
    run.flush()
    _record(run, step, StepRecord.State.DONE, run.redact(message), time.monotonic() - began)


def _undo(
    run: Run, runbook: Runbook, state: Operation.State, error: HavreError, *, last: bool = False
) -> None:
    run.undoing = True
    run.platform.builds.queue.give_up(run.operation.pk)
    began = time.monotonic()
    error = _redacted(run, error)
    told = {"message": error.message, "hint": error.hint, "detail": error.detail}
    run.remember(undoing={"state": state, "error": told})
    step = Step("undo", "Undo", runbook.undo)
    StepRecord.objects.get_or_create(
        operation=run.operation, name=step.name, defaults={"position": 1000, "title": step.title}
    )
    try:
        _take(run, step)
    except DatabaseError:
        raise
    except HavreError as second:
        if isinstance(second, EngineAway) and not last:
            raise
        error = HavreError(
            f"{error.message}; and undoing failed: {second.message}",
            hint=second.hint or error.hint,
            detail=error.detail,
        )
    except Exception as second:
        log.exception("undoing operation %s", run.operation.pk)
        error = HavreError(
            f"{error.message}; and undoing failed: {type(second).__name__}", detail=error.detail
        )
    log.info("operation %s undone in %.1f s", run.operation.pk, time.monotonic() - began)
    run.flush()
    result = {key: value for key, value in run.operation.result.items() if key != "undoing"}
    queries.finish(run.operation, state, error=_redacted(run, error), result=result)


def _redacted(run: Run, error: HavreError) -> HavreError:
    """The error as people may read it: what a program said last may hold a secret."""
    kind = UsageError if isinstance(error, WRONG_REQUEST) else HavreError
    return kind(
        run.redact(error.message),
        hint=run.redact(error.hint),
        detail=run.redact(error.detail),
        retryable=error.retryable,
    )


def _record(
    run: Run, step: Step, state: StepRecord.State, message: str = "", seconds: float | None = None
) -> None:
    moment = (
        {"started_at": timezone.now(), "finished_at": None}
        if state == StepRecord.State.RUNNING
        else {"finished_at": timezone.now()}
    )
    StepRecord.objects.filter(operation=run.operation, name=step.name).update(
        state=state, message=message[:500], **moment
    )
    queries.record_event(
        run.operation,
        "step",
        {
            "name": step.name,
            "title": step.title,
            "state": state,
            "message": message,
            "seconds": None if seconds is None else round(seconds, 3),
        },
    )
