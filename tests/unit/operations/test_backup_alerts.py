"""Whom on_failure of the manifest names is told, once, by the same alerts as everybody else."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.utils import timezone

from havre.config import Config
from havre.domain.continuity.watching import STALE
from havre.errors import HavreError
from havre.manifest import load
from havre.operations import alerts
from havre.operations.alerting import looks
from havre.operations.alerting.deliver import deliver
from havre.operations.alerting.watch import Source, Watcher
from havre.operations.context import Platform
from havre.operations.continuity import watch
from havre.records import continuity, queries
from havre.records.models import (
    BackupStorage,
    Channel,
    Delivery,
    Environment,
    Incident,
    Operation,
    Release,
    SavedDatabase,
    Silence,
)

pytestmark = pytest.mark.django_db
WEB = """\
project: shop
services:
  web: {kind: static, build: {command: "true", output: x}, domain: a.example.org}
"""
HOOK = "backup: {on_failure: {url: https://hook.example.org/board}}\n"
OF_DATABASE = (
    "  db: {kind: postgres, backups: {enabled: false, on_failure: {url: https://hook.example.org/db}}}\n"
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was sent, and where to."""
    sent: list[dict[str, Any]] = []

    def send(_composition: object, hook: Any, document: dict[str, Any]) -> int:
        if "refuses" in hook.url:
            raise HavreError("it was refused")
        sent.append({"to": hook.url, **document})
        return 204

    monkeypatch.setattr(alerts, "send", send)
    return sent


def live(manifest: str) -> Environment:
    environment = queries.ensure_environment("shop", "production", source="x")
    spec = load(manifest).for_environment("production").model_dump(mode="json")
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(operation, Operation.State.SUCCEEDED)
    queries.go_live(queries.new_release(environment, operation, spec=spec, secret_versions={}))
    continuity.set_storage(actor="ada", endpoint="https://s3.example.org", bucket="b")
    return Environment.objects.get(pk=environment.pk)


def look(environment: Environment, tmp_path: Path) -> None:
    config = Config(state=tmp_path)
    platform = cast("Platform", SimpleNamespace(config=config, engine=None, stopping=threading.Event()))
    watch.look(platform, environment)
    Watcher(platform, [Source(frozenset({"backup", "archive"}), 0.0, looks.backups)]).watch()
    deliver(config)


def saved(environment: Environment, state: str, **fields: Any) -> None:
    row = queries.enqueue("save", environment, {}, actor="scheduler")
    Operation.objects.filter(pk=row.pk).update(state=state, finished_at=timezone.now(), **fields)


def test_a_failed_save_is_told_once_and_its_end_too(told: list[dict[str, Any]], tmp_path: Path) -> None:
    environment = live(WEB + HOOK)
    look(environment, tmp_path)
    assert told == []
    saved(environment, "failed", error={"message": "offsite: the off-site storage refused the keys"})
    look(environment, tmp_path)
    look(environment, tmp_path)
    (alert,) = told
    assert (alert["about"], alert["outcome"], alert["service"]) == ("backups: save", "failed", "")
    assert "offsite: the off-site storage refused the keys" in alert["message"]
    saved(environment, "succeeded", result={"state_snapshot": "1"})
    look(environment, tmp_path)
    assert [(each["about"], each["outcome"]) for each in told[1:]] == [("backups: save", "recovered")]


def test_that_nothing_ran_at_all_is_told(told: list[dict[str, Any]], tmp_path: Path) -> None:
    environment = live(WEB + HOOK)
    long_ago = timezone.now() - STALE - timedelta(hours=1)
    Release.objects.update(live_at=long_ago)
    BackupStorage.objects.update(created_at=long_ago)
    look(Environment.objects.get(pk=environment.pk), tmp_path)
    assert [each["about"] for each in told] == ["backups: stale save"]


def test_without_a_hook_of_its_own_those_of_the_databases_are_told(
    told: list[dict[str, Any]], tmp_path: Path
) -> None:
    environment = live(WEB + OF_DATABASE)
    saved(environment, "failed", error={"message": "local: the disk is full"})
    look(environment, tmp_path)
    assert [each["to"] for each in told] == ["https://hook.example.org/db"]


def test_who_could_not_be_told_is_told_later(told: list[dict[str, Any]], tmp_path: Path) -> None:
    environment = live(WEB + HOOK.replace("board", "refuses"))
    saved(environment, "failed", error={"message": "local: the disk is full"})
    look(environment, tmp_path)
    assert told == []
    delivery = Delivery.objects.get()
    assert (delivery.channel, delivery.error, delivery.taken_at) == (None, "it was refused", None)
    spec = load(WEB + HOOK).for_environment("production").model_dump(mode="json")
    Release.objects.update(spec=spec)
    Delivery.objects.update(next_at=timezone.now())
    look(Environment.objects.get(pk=environment.pk), tmp_path)
    assert [each["to"] for each in told] == ["https://hook.example.org/board"]


def test_in_a_silence_nobody_is_told_and_a_hook_gets_no_reminders(
    told: list[dict[str, Any]], tmp_path: Path
) -> None:
    environment = live(WEB + HOOK)
    Channel.objects.create(name="ops", kind="webhook")
    saved(environment, "failed", error={"message": "local: the disk is full"})
    silence = Silence.objects.create(ends_at=timezone.now() + timedelta(hours=1))
    look(environment, tmp_path)
    assert not Delivery.objects.exists()
    silence.delete()
    look(environment, tmp_path)
    Incident.objects.update(told_at=timezone.now() - timedelta(hours=25))
    look(environment, tmp_path)
    assert [each["outcome"] for each in told] == ["failed"]
    words = Delivery.objects.order_by("pk").values_list("channel__name", "word")
    assert list(words) == [("ops", "began"), (None, "began"), ("ops", "reminder")]


def test_a_database_that_is_not_saved_any_more_is_no_alert(
    told: list[dict[str, Any]], tmp_path: Path
) -> None:
    environment = live(WEB + OF_DATABASE)
    SavedDatabase.objects.create(environment=environment, service="db", watch={"problems": {"archive": "x"}})
    look(environment, tmp_path)
    assert told == []
    assert not Incident.objects.exists()
