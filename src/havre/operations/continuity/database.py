"""A database with backups that an operation works on: long commands inside its container, and jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from havre.adapters.swarm.inside import Answer
from havre.adapters.swarm.output import read_task
from havre.domain import naming
from havre.domain.continuity import info
from havre.domain.continuity.info import Info
from havre.domain.continuity.repositories import Repository
from havre.domain.snapshot import ENDED
from havre.errors import BackupError
from havre.operations.context import Run
from havre.operations.continuity.live import live_composition
from havre.operations.continuity.view import DatabaseView, chosen, databases, info_command
from havre.operations.jobs import Job, take_away
from havre.operations.workloads import Composition

_POLL: Final = 0.3  # seconds
_JOB_PATIENCE: Final = 120.0
_LOOKS: Final = 10


@dataclass(frozen=True)
class TaskState:
    """A long command inside the container: ``none``, ``running``, ``died`` or ``ended``."""

    state: str
    exit_code: int | None
    log: str


class Database(DatabaseView):
    """A database of the live release that an operation works on.

    Args:
        run: the operation.
        composition: of the live release.
        name: the service.
    """

    def __init__(self, run: Run, composition: Composition, name: str) -> None:
        super().__init__(run.platform.engine, composition, name)
        self.run = run

    def info_by_job(self, *asked: Repository) -> Info:
        """The same where it may not run.

        Args:
            asked: only these.

        Raises:
            BackupError: that could not be found out.
        """
        all_of_them = (Repository.LOCAL, *((Repository.OFFSITE,) if self.composition.storage else ()))
        wanted = asked or all_of_them
        return info.merged(
            self._info(each, Answer(0, self._answer_of_job("info", info_command(each)), ""))
            for each in wanted
        )

    def streamed_timeline(self) -> int:
        """The timeline that was streamed last, found out where it may not run; 0 if none is known.

        Raises:
            BackupError: that could not be found out.
        """
        if self.composition.streams(self.name) is None:
            return 0
        word, _, number = self._answer_of_job("info", ("havre-stream", "newest")).strip().partition(" ")
        return int(number) if word == "timeline" and number.isdigit() else 0

    # Long commands inside the container, which outlive the worker

    def start_task(self, key: str, command: list[str]) -> None:
        """Start it unless one of this key was started in this container."""
        answer = self.ask("havre-task", "start", key, *command)
        if not answer.is_good:
            raise BackupError(f"{command[0]} could not be started: {answer.err.strip()[:300]}")

    def task_state(self, key: str) -> TaskState:
        """Where it stands."""
        first, _, log = self.ask("havre-task", "state", key).out.partition("\n")
        state, _, code = first.partition(" ")
        return TaskState(state, int(code) if code else None, log)

    def stop_task(self, key: str) -> None:
        """End it; one that is over does not care."""
        if self.container:
            self.ask("havre-task", "stop", key)

    def wait_for_task(
        self, key: str, *, at_most: float, tell: Callable[[], None] = lambda: None
    ) -> TaskState:
        """Wait until it is over.

        Raises:
            BackupError: it took longer than ``at_most`` seconds, or its container ended meanwhile.
        """
        for _ in self.run.wait(every=_POLL, at_most=at_most):
            found = self.task_state(key)
            if found.state in {"none", "died"}:
                raise BackupError(
                    f"{self.name} was stopped or started anew meanwhile",
                    hint="do it again when it runs",
                    retryable=True,
                )
            if found.state == "ended":
                return found
            tell()
        self.stop_task(key)
        raise BackupError(f"it took more than {at_most / 3600:.0f} hours and was stopped")

    # Programs on its volumes, whether it runs or not

    def job(self, what: str, *command: str) -> Job:
        """A program as a job; its lines get into the operation's log."""
        workload = self.composition.database_job(self.name, what, command, self.run.operation.pk)
        source = f"{what} {self.name}"
        return Job(
            self.run, workload, sources={"stdout": source, "stderr": source}, key=f"{what}_{self.name}"
        )

    def take_job_away(self, what: str) -> None:
        """Remove a job, running or not."""
        name = naming.task_name(
            self.run.project, self.run.environment.name, self.name, what, self.run.operation.pk
        )
        take_away(self.run, name, grace=10.0)

    def _answer_of_job(self, what: str, command: tuple[str, ...]) -> str:
        """The standard output of a short job, which does not get into the log."""
        self.take_job_away(what)
        job = self.job(what, *command)
        self._engine.ensure_service(job.workload)
        looks = 0
        try:
            for _ in self.run.wait(every=_POLL, at_most=_JOB_PATIENCE):
                task = next(iter(self._engine.tasks_of([job.workload.name])), None)
                if task and task.state in ENDED:
                    lines = read_task(self._engine, task)
                    said = "\n".join(line.text for line in lines if line.stream == "stdout")
                    looks += 1
                    # The engine may know that it ended before it has its last lines.
                    if said or looks == _LOOKS:
                        return said
        finally:
            self.take_job_away(what)
        raise BackupError(f"looking at what is saved of {self.name} took too long", retryable=True)


def meant(run: Run, *, or_none: bool = False) -> list[Database]:
    """The databases of the live release that an operation is about: the one that it names, or all.

    Args:
        run: the operation.
        or_none: whether there may be none, where none is named.

    Raises:
        UsageError: nothing is deployed, or there is no such database.
    """
    composition = live_composition(run)
    wanted = run.operation.params.get("service")
    may_be_none = or_none and not wanted and not databases(composition)
    names = [] if may_be_none else chosen(composition, wanted)
    return [Database(run, composition, name) for name in names]
