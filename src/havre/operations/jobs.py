"""Commands that run to their end as Swarm jobs: release commands, one-off and scheduled ones.

A job outlives the worker. The next one finds it by its name, goes on reading where the last one
stopped, and never starts it a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from havre.adapters.host import moments
from havre.adapters.swarm import jobs
from havre.adapters.swarm.output import read_task
from havre.domain.moments import Moment, seconds_between, was_set
from havre.domain.snapshot import ENDED, Task
from havre.domain.workload import Workload
from havre.errors import CommandError
from havre.operations.context import Run
from havre.operations.links import why_stuck

_POLL: Final = 0.2  # seconds
_STOP_SLACK: Final = 10.0
_SHORTEST_PATIENCE: Final = 5.0
_EXPLAINED: Final = 20  # lines


@dataclass(frozen=True)
class Ending:
    """How a job ended. ``exit_code`` is None where its container never ran."""

    exit_code: int | None
    cause: str
    last_lines: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the command said that it did what it should."""
        return self.exit_code == 0


class Job:
    """One job of one operation.

    Args:
        run: the operation's run.
        workload: what runs.
        sources: what the lines of ``stdout`` and ``stderr`` are marked with in the operation's log.
        key: prefix of the facts that are stored with the operation, for several jobs in one.
    """

    def __init__(self, run: Run, workload: Workload, *, sources: Mapping[str, str], key: str = "") -> None:
        self.run = run
        self.workload = workload
        self._sources = sources
        self._key = f"job_{key}" if key else "job"
        self._engine = run.platform.engine

    @property
    def facts(self) -> dict[str, Any]:
        """What earlier runs of the operation knew: when it was started, and how far its lines were read."""
        facts: dict[str, Any] = self.run.operation.result.get(self._key, {})
        return facts

    def start(self) -> bool:
        """Start it unless that was done, by this worker or by one before; whether it was started now."""
        if self._engine.has_service(self.workload.name) or self.facts.get("started"):
            return False
        self._engine.ensure_service(self.workload)
        self._remember(started=moments.now().facts())
        return True

    def wait(self, *, at_most: float, look: Callable[[], None] = lambda: None) -> Ending:
        """Log what it writes until it ends.

        Args:
            at_most: seconds since its start after which it is given up.
            look: called again and again meanwhile; what it raises ends the waiting.

        Raises:
            CommandError: it took longer, or somebody took it away.
        """
        patience = max(at_most - self._age(), _SHORTEST_PATIENCE if self.run.operation.attempt > 1 else 0.0)
        for _ in self.run.wait(every=_POLL, at_most=patience):
            look()
            task = self._task()
            if task is None:
                if not self._engine.has_service(self.workload.name):
                    raise CommandError(
                        f"the job {self.workload.name} was removed while it ran",
                        hint="somebody removed it from the engine; run the command again",
                    )
                continue
            self._read(task)
            if task.state in ENDED:
                self._read(task)  # what it wrote between the two looks
                return self._ending(task)
        task = self._task()
        raise CommandError(
            f"it still ran after {at_most:.0f} s and was stopped",
            hint="give it more time, or find out what it waits for in the lines above",
            detail="\n".join(self._last_lines(task)) if task else "",
        )

    def remove(self) -> None:
        """Take it away; a command that still runs gets its stop signal and its time to end."""
        take_away(self.run, self.workload.name, grace=self.workload.stop_grace, read=self._read)

    @property
    def is_there(self) -> bool:
        """Whether the engine has it."""
        return self._engine.has_service(self.workload.name)

    def _task(self) -> Task | None:
        return next(iter(self._engine.tasks_of([self.workload.name])), None) if self.is_there else None

    def _read(self, task: Task) -> None:
        """Log what is new; lines and the place reached are stored together, so none is logged twice."""
        known = int(self.facts.get("lines", 0))
        if self._clock_was_set():  # lines of now may carry times before those of then: count, from the first
            lines = read_task(self._engine, task)[known:]
        else:
            lines = read_task(self._engine, task, after=self.facts.get("read", ""))
        if lines:
            marked = [(self._sources[line.stream], line.text) for line in lines]
            reached = {"read": lines[-1].at, "lines": known + len(lines)}
            self.run.log_all(marked, **{self._key: {**self.facts, **reached}})

    def _clock_was_set(self) -> bool:
        started = Moment.stored(self.facts.get("started"))
        return started is not None and was_set(started, moments.now())

    def _remember(self, **facts: Any) -> None:
        self.run.remember(**{self._key: {**self.facts, **facts}})

    def _age(self) -> float:
        """Seconds since its start, of which an earlier worker may have waited some."""
        started = Moment.stored(self.facts.get("started"))
        if started is None or self.run.operation.attempt == 1:
            return 0.0
        return seconds_between(started, moments.now())

    def _ending(self, task: Task) -> Ending:
        if task.state == "complete":
            return Ending(0, "exited with code 0", self._last_lines(task))
        if stuck := why_stuck(self._engine, task.error):
            return Ending(None, f"did not start: {stuck.cause}", remedy=stuck.remedy)
        ran_out = bool(task.container) and self._engine.was_out_of_memory(task.container)
        limit = self.workload.limits.memory
        if ran_out:
            cause = "ran out of memory" + (f" (limit {limit // 2**20} MiB)" if limit else "")
        elif task.exit_code is None:
            cause = f"did not start: {task.error or task.message}"
        else:
            cause = f"exited with code {task.exit_code}"
        return Ending(task.exit_code, cause, self._last_lines(task))

    def _last_lines(self, task: Task) -> tuple[str, ...]:
        return tuple(self._engine.last_lines(task.container, _EXPLAINED)) if task.container else ()


def take_away(run: Run, name: str, *, grace: float, read: Callable[[Task], None] | None = None) -> None:
    """Remove a job and its containers, for removing a job's service alone stops nothing (engine 20.10).

    Args:
        run: whose engine it is; what waits here can be interrupted.
        name: the job's service; it may be gone already.
        grace: seconds that a running command gets after its stop signal.
        read: called with each task while it ends, for its last lines.
    """
    engine = run.platform.engine
    if engine.has_service(name):
        if any(task.state not in ENDED for task in engine.tasks_of([name])):
            jobs.stop(engine, name)
            _wait_for_end(run, name, grace, read)
        engine.remove_service(name)
    jobs.remove_containers(engine, name)


def _wait_for_end(run: Run, name: str, grace: float, read: Callable[[Task], None] | None) -> None:
    engine = run.platform.engine
    is_killed = False
    for elapsed in run.wait(every=_POLL / 2, at_most=grace + _STOP_SLACK):
        left = [task for task in engine.tasks_of([name]) if task.container]
        if read is not None:
            for task in left:
                read(task)
        if all(task.state in ENDED for task in left):
            return
        if elapsed > grace and not is_killed:
            jobs.remove_containers(engine, name)
            is_killed = True
