"""Drills in the records: when they are planned, and how they are remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from havre.manifest import load
from havre.records import drills, queries
from havre.records.models import Backup, Drill, Environment, Operation
from havre.records.protection import drilled_environments

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def deployed(backups: str = "true", rest: str = "") -> Environment:
    environment = queries.ensure_environment("shop", "production", source="x")
    text = f"project: shop\nservices:\n  db: {{kind: postgres, backups: {backups}}}\n{rest}"
    spec = load(text).for_environment("production").model_dump(mode="json")
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(operation, Operation.State.SUCCEEDED)
    queries.go_live(queries.new_release(environment, operation, spec=spec))
    environment.refresh_from_db()
    return environment


def ended(environment: Environment, *, began: datetime = NOON, problem: str = "", **facts: Any) -> Drill:
    operation = queries.enqueue("drill", environment, {}, actor="ada")
    about = {
        "release": 1,
        "repository": "offsite",
        "started_at": began.isoformat(),
        "objectives": {"rto": 60.0, "rpo": 30.0},
    }
    operation.result = {"drill": about, **facts}
    made = drills.record(operation, problem=problem, finished_at=began + timedelta(minutes=1))
    assert made is not None
    return made


def test_a_drill_is_planned_weekly_where_something_is_backed_up() -> None:
    assert drills.planned_drills(deployed())["drill"].job.schedule == "30 4 * * 0"
    assert drills.planned_drills(deployed("false")) == {}
    assert drills.planned_drills(deployed(rest="drill: false\n")) == {}
    planned = drills.planned_drills(deployed(rest="drill: {schedule: '@daily', timezone: Europe/Paris}\n"))
    assert (planned["drill"].job.schedule, planned["drill"].job.timezone) == ("@daily", "Europe/Paris")
    assert drills.planned_drills(queries.ensure_environment("new", "production", source="x")) == {}


def test_the_objectives_are_the_manifests() -> None:
    assert drills.objectives_of(deployed()).as_data() == {"rto": 4 * 3600, "rpo": 3600}
    assert drills.objectives_of(deployed(rest="backup: {rto: 30m, rpo: 10s}\n")).as_data() == {
        "rto": 1800,
        "rpo": 10,
    }


def test_a_drill_is_remembered_once_however_often_its_end_is_taken() -> None:
    environment = deployed()
    first = ended(environment, rto=12.5, rpo=0, checks=[], secret="x")
    again = (
        drills.record(first.operation, problem="it was stopped", finished_at=NOON)
        if first.operation
        else None
    )
    assert again is not None
    (row,) = drills.history(environment, limit=9)
    assert (row.pk, row.is_good, row.problem) == (first.pk, False, "it was stopped")
    assert (row.rto, row.objective_rto, row.data) == (12.5, 60, {"checks": []})


def test_one_that_never_began_is_not_remembered() -> None:
    operation = queries.enqueue("drill", deployed(), {}, actor="ada")
    assert drills.record(operation, problem="no", finished_at=NOON) is None


def test_the_history_outlives_operations_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drills, "KEPT", 2)
    environment = deployed()
    for day in range(3):
        ended(environment, began=NOON + timedelta(days=day))
    Operation.objects.filter(kind="drill").delete()
    assert [row.started_at.day for row in drills.history(environment, limit=9)] == [22, 21]


def test_what_doctor_knows_of_drills_begins_with_the_first_backup() -> None:
    environment = deployed(rest="drill: {schedule: '@daily'}\n")
    assert drilled_environments() == []
    Backup.objects.create(
        environment=environment, service="db", repository="local", label="x", kind="full", size=1, stored=1,
        lsn_stop="0/1", started_at=NOON, stopped_at=NOON,
    )  # fmt: skip
    (found,) = drilled_environments()
    assert (found.name, found.interval, found.since, found.last) == (
        "shop-production", timedelta(days=1), NOON, None,
    )  # fmt: skip
    ended(environment, began=NOON + timedelta(days=1), problem="rows are missing")
    (found,) = drilled_environments()
    assert (found.last, found.problem) == (NOON + timedelta(days=1), "rows are missing")
