from __future__ import annotations

import dataclasses
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from havre.adapters.host import moments
from havre.adapters.metrics import Store
from havre.config import config
from havre.interfaces.api import environments
from havre.manifest import EnvironmentSpec
from havre.records import queries
from havre.records.models import Incident, Operation, Project, Worker


def alive(seconds_ago):
    now = timezone.now()
    seen = now - timedelta(seconds=seconds_ago)
    Worker.objects.update_or_create(
        pk=1, defaults={"boot": "b", "pid": 1, "started_at": now, "seen_at": seen}
    )


def test_health_needs_a_worker_that_is_alive(ask_remotely):
    assert ask_remotely("GET", "/healthz").status_code == 503
    alive(1)
    answer = ask_remotely("GET", "/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert 0 <= answer.json()["worker_seen_seconds"] < 30
    alive(60)
    answer = ask_remotely("GET", "/healthz")
    assert answer.status_code == 503
    assert "worker" in answer.text


@pytest.mark.parametrize("set_by", [-86400, 86400])
def test_health_does_not_depend_on_a_clock_that_was_set(ask_remotely, monkeypatch, set_by):
    alive(0)
    Worker.objects.update(clock=moments.now().facts())
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(seconds=set_by))
    assert ask_remotely("GET", "/healthz").status_code == 200
    then = moments.now()
    Worker.objects.update(clock=dataclasses.replace(then, steady=then.steady - 60).facts())
    assert ask_remotely("GET", "/healthz").status_code == 503


def test_health_tells_of_a_database_that_fails(ask_remotely, monkeypatch):
    def fail():
        raise OperationalError("disk I/O error in /var/lib")

    monkeypatch.setattr("havre.interfaces.api.health.worker_seen_seconds", fail)
    answer = ask_remotely("GET", "/healthz")
    assert answer.status_code == 503
    assert "/var/lib" not in answer.text


def test_metrics_count_operations(ask):
    alive(2)
    row = queries.ensure_environment("shop", "production", source="")
    queries.enqueue("restart", row, {}, actor="t")
    done = queries.enqueue("deploy", row, {}, actor="t")
    Operation.objects.filter(pk=done.pk).update(
        state="succeeded", started_at=timezone.now() - timedelta(seconds=5), finished_at=timezone.now()
    )
    text = ask("GET", "/metrics").text
    assert 'havre_operations{kind="restart",state="queued"} 1.0' in text
    assert 'havre_operation_last_seconds{kind="deploy",state="succeeded"} 5.' in text
    assert "havre_environments 1.0" in text
    assert "havre_worker_seen_seconds 2." in text
    assert "havre_web_process_resident_memory_bytes" in text


def test_the_document_describes_every_path(ask):
    document = ask("GET", "/api/v1/openapi.json").json()
    assert set(document["paths"]) == {
        "/api/v1/version",
        "/api/v1/alerts",
        "/api/v1/alerts/{number}/acknowledge",
        "/api/v1/alert-silences",
        "/api/v1/alert-silences/{number}",
        "/api/v1/alert-channels",
        "/api/v1/alert-channels/{name}",
        "/api/v1/alert-channels/{name}/test",
        "/api/v1/alert-deliveries",
        "/api/v1/alert-deliveries/{number}",
        "/api/v1/backup-storage",
        "/api/v1/backup-storage/lock",
        "/api/v1/backup-storage/test",
        "/api/v1/environments/{project}/{environment}/backups",
        "/api/v1/environments/{project}/{environment}/backups/schedule",
        "/api/v1/environments/{project}/{environment}/drills",
        "/api/v1/environments/{project}/{environment}/exec",
        "/api/v1/environments/{project}/{environment}/cron",
        "/api/v1/environments/{project}/{environment}/cron/{job}/runs",
        "/api/v1/environments/{project}/{environment}/cron/{job}/pause",
        "/api/v1/environments/{project}/{environment}/cron/{job}/resume",
        "/api/v1/projects",
        "/api/v1/projects/{project}/deploy-key",
        "/api/v1/environments",
        "/api/v1/operations",
        "/api/v1/operations/{number}",
        "/api/v1/operations/{number}/cancel",
        "/api/v1/operations/{number}/events",
        "/api/v1/environments/{project}/{environment}/releases",
        "/api/v1/environments/{project}/{environment}/services",
        "/api/v1/environments/{project}/{environment}/canary/promote",
        "/api/v1/environments/{project}/{environment}/canary/abort",
        "/api/v1/environments/{project}/{environment}/logs",
        "/api/v1/environments/{project}/{environment}/logs/search",
        "/api/v1/environments/{project}/{environment}/logs/lines/{line_id}",
        "/api/v1/environments/{project}/{environment}/logs/download",
        "/api/v1/environments/{project}/{environment}/variables",
        "/api/v1/environments/{project}/{environment}/copy",
        "/api/v1/environments/{project}/{environment}/secrets",
        "/api/v1/environments/{project}/{environment}/secrets/{name}",
        "/api/v1/tokens",
        "/api/v1/tokens/{name}",
        "/api/v1/users",
        "/api/v1/users/{name}",
        "/api/v1/users/{name}/link",
        "/api/v1/audit",
        "/api/v1/audit/export",
    }
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert all(each["summary"] and each["security"] == [{"Token": []}] for each in operations)
    assert document["components"]["securitySchemes"]["Token"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("PATCH", "/api/v1/version", 405), ("GET", "/api/v1/operations/x", 422)],
)
def test_errors_of_the_libraries_are_problems_too(ask, method, path, status):
    answer = ask(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_another_host_is_refused(ask):
    answer = ask("GET", "/api/v1/version", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unexpected_failure_tells_nothing_but_the_log(ask, monkeypatch, caplog):
    def fail(*_args):
        raise RuntimeError("inner thoughts")

    monkeypatch.setattr("havre.records.configuration.variables_of", fail)
    answer = ask("PUT", "/api/v1/environments/shop/production/variables", {"values": {"A": "1"}})
    assert answer.status_code == 500
    assert "inner" not in answer.text
    assert "inner thoughts" in caplog.text


def test_the_worker_s_silence_is_retryable(ask):
    queries.ensure_environment("shop", "production", source="")
    for path in ("services", "logs"):
        answer = ask("GET", f"/api/v1/environments/shop/production/{path}")
        assert answer.status_code == 503
        assert answer.json()["retryable"] is True
        assert ask("GET", f"/api/v1/environments/shop/staging/{path}").status_code == 404


def test_environments_show_their_live_release_and_its_addresses(ask):
    row = queries.ensure_environment("shop", "production", source="/srv/shop")
    spec = EnvironmentSpec.model_validate(
        {
            "project": "shop",
            "environment": "production",
            "services": {
                "db": {"kind": "postgres"},
                "web": {
                    "kind": "static",
                    "build": {"context": ".", "command": "make", "output": "dist"},
                    "domain": "shop.localhost",
                },
            },
        }
    )
    assert ask("GET", "/api/v1/environments").json()[0]["state"] == "new"
    operation = queries.enqueue("deploy", row, {}, actor="t")
    release = queries.new_release(
        row, operation, commit="abc", subject="S", spec=spec.model_dump(mode="json")
    )
    queries.go_live(release)

    (shown,) = ask("GET", "/api/v1/environments").json()

    assert (shown["release"], shown["commit"], shown["state"]) == (1, "abc", "live")
    assert [url.removeprefix("http://") for url in shown["urls"]] == ["shop.localhost"]
    assert ask("GET", "/api/v1/projects").json() == [
        {"name": "shop", "source": "/srv/shop", "subfolder": "", "environments": ["production"]}
    ]
    assert environments.router
    Operation.objects.update(state="running")
    assert ask("GET", "/api/v1/environments").json()[0]["state"] == "deploy"


def test_a_deploy_key_is_sealed_and_never_comes_out(ask):
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"
    assert ask("PUT", "/api/v1/projects/shop/deploy-key", json={"value": key}).status_code == 204
    stored = bytes(Project.objects.get(name="shop").sealed_deploy_key)
    assert b"OPENSSH" not in stored
    assert "abc" not in ask("GET", "/api/v1/projects").text
    refused = ask("PUT", "/api/v1/projects/shop/deploy-key", json={"value": "ssh-ed25519 AAAA"})
    assert refused.status_code in {404, 422}
    assert "AAAA" not in refused.text
    assert ask("DELETE", "/api/v1/projects/shop/deploy-key").status_code == 204
    assert Project.objects.get(name="shop").sealed_deploy_key is None
    assert ask("DELETE", "/api/v1/projects/other/deploy-key").status_code == 404


def test_metrics_have_the_newest_figures_and_alerts(ask):
    store, at = Store(config().paths.metrics), time.time()
    store.write("host", at, {"load.1": 1.5})
    store.write("environments/shop/production/api", at, {"requests": 12.0})
    Incident.objects.create(place="server", kind="disk", severity="warning")
    text = ask("GET", "/metrics").text
    assert "havre_host_load_1 1.5" in text
    assert 'havre_service_requests{environment="production",project="shop",service="api"} 12.0' in text
    assert 'havre_alerts{check="disk",severity="warning"} 1.0' in text
