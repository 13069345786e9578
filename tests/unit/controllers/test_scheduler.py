"""The scheduler against the records, with a clock of the test."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from havre.controllers.scheduler import Scheduler
from havre.errors import ConflictError
from havre.records import queries, schedule
from havre.records.models import Environment, Operation, ScheduledJob, ScheduledRun
from havre.records.planned import planned_job
from support.manifests import bare, production

pytestmark = pytest.mark.django_db

JOBS = """
command: x
cron:
  hourly: {schedule: "0 * * * *", command: node hourly.js}
  queued: {schedule: "0 * * * *", command: node queued.js, overlap: queue}
  replaced: {schedule: "0 * * * *", command: node replaced.js, overlap: replace}
"""


class Clock:
    now = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop() -> Environment:
    environment = queries.ensure_environment("p", "production", source="/srv/p")
    deploy(environment, JOBS)
    return environment


def deploy(environment: Environment, lines: str) -> None:
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(operation, Operation.State.SUCCEEDED)
    spec = production(bare(lines)).model_dump(mode="json")
    queries.go_live(queries.new_release(environment, operation, spec=spec))
    environment.refresh_from_db()


@pytest.fixture
def scheduler(clock: Clock) -> Scheduler:
    platform: Any = SimpleNamespace(stopping=threading.Event())
    return Scheduler(platform, lambda: None, clock=clock)


def runs(job: str) -> list[tuple[int, str, str]]:
    """Hour, state and operation's state of each run of a job."""
    rows = ScheduledRun.objects.filter(job=job).order_by("due_at").select_related("operation")
    return [(run.due_at.hour, run.state, run.operation.state if run.operation else "") for run in rows]


def end(job: str) -> None:
    """The run under way ends well."""
    operation = schedule.active_run(Environment.objects.get(), job)
    assert operation is not None
    queries.finish(operation, Operation.State.SUCCEEDED)


def test_each_due_time_runs_once_whoever_looks_how_often(
    shop: Environment, scheduler: Scheduler, clock: Clock
) -> None:
    assert scheduler.look() == timedelta(seconds=10)
    clock.go(minutes=31)
    for _ in range(3):
        scheduler.look()
    another = Scheduler(scheduler._platform, lambda: None, clock=clock)
    another.look()
    assert runs("hourly") == [(13, "started", "queued")]
    operation = Operation.objects.filter(kind="cron", params__job="hourly").get()
    assert operation.actor == "scheduler"
    assert operation.params == {
        "job": "hourly",
        "service": "api",
        "command": ["node", "hourly.js"],
        "timeout": 3600.0,
    }


def test_a_run_recorded_twice_is_still_one(shop: Environment, clock: Clock) -> None:
    row = schedule.ensure_job(shop, "hourly", "0 * * * *", "UTC", now=clock.now)
    params = planned_job(shop, "hourly").params
    assert schedule.start_due(row, clock.now, params) is not None
    assert schedule.start_due(row, clock.now, params) is None
    assert Operation.objects.filter(kind="cron").count() == 1


def test_overlap(shop: Environment, scheduler: Scheduler, clock: Clock) -> None:
    scheduler.look()
    clock.go(minutes=-29)
    for _ in range(3):
        clock.go(hours=1)
        scheduler.look()
    assert runs("hourly") == [(13, "started", "queued"), (14, "skipped", ""), (15, "skipped", "")]
    assert runs("queued") == [(13, "started", "queued"), (14, "waiting", ""), (15, "skipped", "")]
    assert runs("replaced")[0] == (13, "started", "cancelled"), "what was replaced is stopped"
    assert runs("replaced")[1] == (14, "started", "cancelled")
    assert runs("replaced")[2] == (15, "started", "queued")
    end("queued")
    scheduler.look()
    assert runs("queued")[1] == (14, "started", "queued")


def test_paused_over_deployments_and_nothing_is_made_up_for(
    shop: Environment, scheduler: Scheduler, clock: Clock
) -> None:
    scheduler.look()
    row = ScheduledJob.objects.get(name="hourly")
    schedule.pause(row, actor="ada")
    deploy(shop, JOBS)
    clock.go(minutes=31)
    scheduler.look()
    assert runs("hourly") == []
    assert len(runs("queued")) == 1
    row.refresh_from_db()
    schedule.resume(row)
    ScheduledJob.objects.filter(pk=row.pk).update(looked_at=clock.now)  # the test's clock
    scheduler.look()
    assert runs("hourly") == []
    clock.go(hours=1)
    scheduler.look()
    assert runs("hourly") == [(14, "started", "queued")]


def test_what_was_missed_is_recorded_once(shop: Environment, scheduler: Scheduler, clock: Clock) -> None:
    scheduler.look()
    clock.go(days=2)
    scheduler.look()
    scheduler.look()
    assert runs("hourly") == [(12, "missed", "")]


def test_another_schedule_owes_nothing_and_a_job_that_is_gone_runs_no_more(
    shop: Environment, scheduler: Scheduler, clock: Clock
) -> None:
    scheduler.look()
    clock.go(minutes=31)
    deploy(shop, 'command: x\ncron: {hourly: {schedule: "59 12 * * *", command: y}}')
    scheduler.look()
    assert runs("hourly") == []
    assert runs("queued") == []


def test_a_clock_set_back_repeats_nothing(shop: Environment, scheduler: Scheduler, clock: Clock) -> None:
    scheduler.look()
    clock.go(hours=24 * 365)
    scheduler.look()
    clock.go(hours=-24 * 365)
    scheduler.look()
    clock.go(minutes=31)
    scheduler.look()
    end("hourly")
    clock.go(minutes=-2)
    scheduler.look()
    clock.go(minutes=2)
    scheduler.look()
    this_year = [run for run in ScheduledRun.objects.filter(job="hourly") if run.due_at.year == 2026]
    assert len(this_year) == 1


def test_what_a_wrong_clock_made_seem_missed_runs_when_it_is_due(
    shop: Environment, scheduler: Scheduler, clock: Clock
) -> None:
    scheduler.look()
    clock.go(hours=3)  # 15:30: the runs of 13:00 to 15:00 seem missed
    scheduler.look()
    assert runs("hourly") == [(15, "missed", "")]
    clock.go(hours=-3)
    scheduler.look()
    clock.go(hours=2, minutes=31)  # 15:01
    scheduler.look()
    assert runs("hourly") == [(15, "started", "queued")]


def test_run_now_is_refused_while_it_runs(shop: Environment) -> None:
    params = planned_job(shop, "hourly").params
    operation = schedule.start_now(shop, "hourly", params, actor="ada")
    with pytest.raises(ConflictError, match=f"operation {operation.pk}"):
        schedule.start_now(shop, "hourly", params, actor="ada")


def test_history_is_bounded_with_its_operations(shop: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "KEPT_RUNS", 3)
    params = planned_job(shop, "hourly").params
    for _ in range(6):
        operation = schedule.start_now(shop, "hourly", params, actor="ada")
        queries.finish(operation, Operation.State.SUCCEEDED)
    assert len(schedule.runs_of(shop, "hourly", limit=10)) == 3
    assert Operation.objects.filter(kind="cron").count() == 3


def test_one_environments_trouble_is_not_the_others(
    shop: Environment, scheduler: Scheduler, clock: Clock
) -> None:
    broken = queries.ensure_environment("a", "production", source="/srv/a")
    operation = queries.enqueue("deploy", broken, {}, actor="ada")
    queries.go_live(queries.new_release(broken, operation, spec={"written by": "another version"}))
    scheduler.look()
    clock.go(minutes=31)
    scheduler.look()
    assert len(runs("hourly")) == 1
