"""Starts scheduled commands and backups when they are due: from the live releases, each due run once.

What is due is found by comparing the clock with the moment until which everything was decided, which
is stored. So nothing depends on timers that a stop, a crash or a change of the clock would upset.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import close_old_connections
from django.utils import timezone

from havre.domain.schedule import Action, Overlap, Schedule, decide, next_look
from havre.errors import ConflictError
from havre.operations.context import Platform
from havre.records import queries, schedule
from havre.records.drills import PlannedDrill, planned_drills
from havre.records.models import Environment, ScheduledJob, ScheduledRun
from havre.records.planned import Planned, planned
from havre.records.planned_backups import PlannedBackup, first_backup, planned_backups
from havre.records.saving import save_if_due

log = logging.getLogger(__name__)

_Job = Planned | PlannedBackup | PlannedDrill
_LONGEST_SLEEP: Final = timedelta(seconds=10)
"""The clock may be set, so the next due time is not simply slept for."""
_BUSY: Final = timedelta(seconds=1)
_SHORTEST_SLEEP: Final = timedelta(milliseconds=50)


class Scheduler:
    """One thread of the worker.

    Args:
        platform: tells when the worker stops.
        wake: called when operations were queued.
        clock: the time, with its zone.
    """

    def __init__(
        self, platform: Platform, wake: Callable[[], None], *, clock: Callable[[], datetime] = timezone.now
    ) -> None:
        self._platform = platform
        self._wake = wake
        self._clock = clock
        self._changed = threading.Event()

    def start(self) -> threading.Thread:
        """Begin."""
        thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        thread.start()
        return thread

    def look_again(self) -> None:
        """Something may have changed: an operation ended, a job was paused, the worker stops."""
        self._changed.set()

    def _run(self) -> None:
        while not self._platform.stopping.is_set():
            self._changed.clear()
            close_old_connections()
            sleep = _LONGEST_SLEEP
            try:
                sleep = self.look()
            except Exception:
                log.exception("scheduler")
            self._changed.wait(max(sleep, _SHORTEST_SLEEP).total_seconds())

    def look(self) -> timedelta:
        """Decide everything that is due now; how long nothing will be."""
        now = self._clock()
        schedules: list[Schedule] = []
        is_busy = False
        for environment in Environment.objects.select_related("project", "current_release"):
            try:
                is_busy |= self._look_at(environment, schedules, now)
            except Exception:  # one environment's trouble is no reason to leave out the others
                log.exception("scheduled commands of %s", environment)
        return next_look(schedules, self._clock(), at_most=_BUSY if is_busy else _LONGEST_SLEEP)

    def _look_at(self, environment: Environment, schedules: list[Schedule], now: datetime) -> bool:
        """Decide what is due in one environment, and note its schedules; whether a run waits still."""
        jobs: dict[str, _Job] = {
            **planned(environment),
            **planned_backups(environment),
            **planned_drills(environment),
        }
        if first_backup(environment) or save_if_due(environment, now):
            self._wake()
        for job in jobs.values():
            when = Schedule(job.job.schedule, job.job.timezone)
            row = schedule.ensure_job(environment, job.name, when.expression, when.timezone, now=now)
            if row.paused_at is None:
                schedules.append(when)
                self._decide(row, job, when, now)
        return self._start_waiting(environment, jobs)

    def _decide(self, row: ScheduledJob, job: _Job, when: Schedule, now: datetime) -> None:
        active = schedule.active_run(row.environment, job.name)
        waiting = schedule.waiting_run(row.environment, job.name)
        due = decide(
            when,
            overlap=Overlap(job.job.overlap),
            looked=row.looked_at,
            now=now,
            is_running=active is not None,
            is_waiting=waiting is not None,
        )
        if due is None:
            return
        log.info("%s of %s, due at %s: %s %s", job.name, row.environment, due.at, due.action, due.why)
        if due.action is Action.RUN:
            if schedule.start_due(row, due.at, job.params, due.why, kind=job.kind):
                self._wake()
            return
        if due.action is Action.REPLACE:
            if waiting:
                schedule.give_up(waiting, "replaced by a later run")
            if active:
                try:
                    queries.request_cancel(active)
                except ConflictError:
                    log.info("operation %s ended in this moment", active.pk)
        state = {
            Action.WAIT: ScheduledRun.State.WAITING,
            Action.REPLACE: ScheduledRun.State.WAITING,
            Action.SKIP: ScheduledRun.State.SKIPPED,
            Action.MISSED: ScheduledRun.State.MISSED,
        }[due.action]
        schedule.note(row, due.at, state, due.why)

    def _start_waiting(self, environment: Environment, jobs: dict[str, _Job]) -> bool:
        """Start what waited for a run that has ended; whether something waits still."""
        waits = False
        for run in ScheduledRun.objects.filter(environment=environment, state=ScheduledRun.State.WAITING):
            job = jobs.get(run.job)
            if job is None:
                schedule.give_up(run, "the live release has no such job any more")
            elif schedule.active_run(environment, run.job):
                waits = True
            elif schedule.start_waiting(run, job.params, kind=job.kind):
                self._wake()
        return waits
