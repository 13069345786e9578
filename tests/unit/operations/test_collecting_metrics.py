"""The collector with this machine's own figures; engine and router answer as the real ones do."""

import time
from types import SimpleNamespace

import pytest

from havre.adapters.swarm.stats import Usage
from havre.config import Config
from havre.domain.metrics.rollup import LEVELS
from havre.errors import EngineError
from havre.operations.metrics.collect import Collector

LABELS = {"havre.project": "shop", "havre.environment": "production", "havre.service": "api"}
API = "environments/shop/production/api"


class FakeEngine:
    def __init__(self):
        self.usages = []

    def container_usages(self):
        if self.usages is None:
            raise EngineError("no answer")
        return self.usages


@pytest.fixture
def platform(tmp_path):
    router = SimpleNamespace(metrics=lambda: "")
    return SimpleNamespace(
        config=Config(state=tmp_path), engine=FakeEngine(), routing=SimpleNamespace(connect=lambda: router)
    )


def used(cpu, memory=100.0, limit=400.0):
    return Usage(memory, limit, 3.0, {"cpu": cpu})


def newest(collector, owner, name):
    now = time.time()
    found = collector._store.buckets(owner, name, LEVELS[0], now - 30, now + 10)
    return next((bucket.mean for bucket in reversed(found) if bucket), None)


@pytest.mark.django_db
def test_containers_of_a_service_are_added_up(platform):
    collector = Collector(platform)
    platform.engine.usages = [(LABELS, used(1.0)), (LABELS, used(2.0, memory=300.0)), ({}, used(5.0))]
    collector.collect()
    assert newest(collector, API, "containers") == 2
    assert newest(collector, API, "memory") == 400
    assert newest(collector, API, "memory_share") == 0.75
    assert newest(collector, API, "cpu") is None
    platform.engine.usages = [(LABELS, used(1.5)), (LABELS, used(2.5))]
    collector.collect()
    assert newest(collector, API, "cpu") > 0


@pytest.mark.django_db
def test_a_task_that_went_is_no_growth(platform):
    collector = Collector(platform)
    platform.engine.usages = [(LABELS, used(1000.0)), (LABELS, used(2000.0))]
    collector.collect()
    platform.engine.usages = [(LABELS, used(2000.1))]
    collector.collect()
    assert newest(collector, API, "cpu") is None


@pytest.mark.django_db
def test_an_engine_that_does_not_answer_costs_only_its_own_series(platform):
    platform.engine.usages = None
    collector = Collector(platform)
    collector.collect()
    assert newest(collector, "host", "memory.total") > 0
    assert newest(collector, "havre", "operations.queued") == 0
    assert newest(collector, "havre", "worker.memory") > 0


@pytest.mark.django_db
def test_figures_of_what_was_destroyed_go(platform):
    collector = Collector(platform)
    platform.engine.usages = [(LABELS, used(1.0))]
    collector.collect()
    collector.forget_destroyed()
    assert API not in collector._store.owners()
    assert "host" in collector._store.owners()
