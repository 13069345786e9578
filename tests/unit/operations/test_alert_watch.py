"""The watch with sources that tell what the test says, and those that need records only."""

import threading
import time
from types import SimpleNamespace

import pytest

from havre.adapters.logs.writer import LogWriter
from havre.adapters.metrics import Store
from havre.config import Config
from havre.domain.alerting.checks import Look
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record
from havre.errors import EngineError, HavreError
from havre.manifest import load
from havre.operations.alerting import looks, watch
from havre.operations.alerting.watch import Source, Watcher
from havre.records import queries, saving
from havre.records.models import Channel, Check, Delivery, Incident, Operation

pytestmark = pytest.mark.django_db
WEB = """\
project: shop
services:
  web: {kind: static, build: {command: "true", output: x}, domain: a.example.org}
"""


@pytest.fixture
def platform(tmp_path):
    return SimpleNamespace(config=Config(state=tmp_path), stopping=threading.Event())


def watcher(platform, look, kind="deployment"):
    return Watcher(platform, [Source(frozenset({kind}), 0.0, look)])


def live():
    environment = queries.ensure_environment("shop", "production", source="x")
    spec = load(WEB).for_environment("production").model_dump(mode="json")
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.go_live(queries.new_release(environment, operation, spec=spec, secret_versions={}))
    environment.refresh_from_db()
    return environment


def test_every_kind_has_a_source():
    assert watch.unwatched() == frozenset()


def test_a_source_that_fails_changes_nothing(platform):
    answers = [[Look("deployment", "server", is_bad=True)], EngineError("away"), ValueError("bug"), []]

    def look(_platform):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    eye = watcher(platform, look)
    for _ in range(3):
        eye.watch()
        assert Incident.objects.filter(over_at=None).count() == 1
    eye.watch()
    assert Incident.objects.filter(over_at=None).count() == 0


def test_a_deployment_that_failed_is_told_and_the_next_good_one_ends_it(platform):
    Channel.objects.create(name="ops", kind="webhook")
    environment = queries.ensure_environment("shop", "production", source="x")
    eye = watcher(platform, looks.deployments)
    eye.watch()
    assert not Incident.objects.exists()
    bad = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(bad, Operation.State.FAILED, error=HavreError("the gate did not pass"))
    eye.watch()
    incident = Incident.objects.get()
    assert incident.facts["operation"] == bad.pk
    assert incident.facts["error"] == "the gate did not pass"
    assert incident.place == "shop/production"
    good = queries.enqueue("deploy", environment, {}, actor="ada")
    eye.watch()
    queries.finish(good, Operation.State.SUCCEEDED)
    eye.watch()
    assert list(Delivery.objects.order_by("pk").values_list("word", flat=True)) == ["began", "over"]


def test_figures_that_lack_are_no_end_of_an_alert(platform):
    environment = live()
    store, now = Store(platform.config.paths.metrics), time.time()
    for back in (10, 20, 30):
        figures = {"requests": 10.0, "errors_share": 0.5, "latency.p95": 0.1}
        store.write("environments/shop/production/web", now - back, figures)
    found = {look.kind: look for look in looks.services(platform)}
    assert found["errors"].verdict(was=False) is True
    assert found["latency"].verdict(was=False) is False
    Check.objects.create(environment=environment, place="shop/production", kind="errors", subject="web")
    Check.objects.create(environment=environment, place="shop/production", kind="errors", subject="gone")
    store.forget("environments/shop")
    assert looks.services(platform) == [Look("errors", "shop/production", "web")]


def test_what_the_watch_over_backups_found_is_an_incident(platform):
    environment = live()
    saving.record_watch(environment, {"problems": {"save": "saving failed: no answer"}})
    eye = watcher(platform, looks.backups, "backup")
    eye.watch()
    incident = Incident.objects.get()
    assert (incident.subject, incident.facts["cause"]) == ("save", "saving failed: no answer")
    saving.record_watch(environment, {"problems": {}})
    eye.watch()
    incident.refresh_from_db()
    assert incident.over_at is not None


def written(at, text, level=Level.INFO):
    return Record(at, at, level, "t1", "stdout", 1, text)


def test_an_alert_has_the_last_lines_of_the_log_of_its_service(platform):
    live()
    now = time.time_ns()
    writer = LogWriter(platform.config.paths.logs)
    web = [written(now + number, f"line {number}") for number in range(30)]
    web.append(written(now + 50, '{"level": "error", "message": "boom"}'))
    writer.append({"shop/production/web": web, "shop/production/other": [written(now + 60, "not of it")]})
    writer.close()
    killed = Look("oom", "shop/production", "web", is_bad=True, service="web")
    watcher(platform, lambda _: [killed], "oom").watch()
    lines = Incident.objects.get().lines
    assert lines[-2:] == ["line 29", "boom"]
    assert len(lines) == 20


def test_a_deployment_that_failed_has_the_errors_of_all_services_since_it_began(platform):
    live()
    began = queries.enqueue("deploy", queries.environment_named("shop", "production"), {}, actor="ada")
    now = time.time_ns()
    writer = LogWriter(platform.config.paths.logs)
    web = [written(now - 9_000_000_000, "before", Level.ERROR), written(now + 1000, "no module", Level.ERROR)]
    writer.append({"shop/production/web": web, "shop/production/job": [written(now + 5000, "fine")]})
    writer.close()
    queries.finish(began, Operation.State.FAILED, error=HavreError("it ended by itself"))
    watcher(platform, looks.deployments).watch()
    assert Incident.objects.get().lines == ["web: no module"]
