"""Commands by the API: one-off, scheduled, and the record of who went into a container."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from havre.domain.access import Grants, Role
from havre.records import queries
from havre.records.models import Environment, Operation
from havre.records.tokens import create_token
from support.manifests import bare, production

Ask = Callable[..., httpx.Response]
AT = "/api/v1/environments/p/production"
CRON = """
command: x
cron: {nightly: {schedule: "30 3 * * *", command: node nightly.js, timezone: Europe/Paris}}
"""


@pytest.fixture
def shop(transactional_db: None) -> Environment:
    environment = queries.ensure_environment("p", "production", source="/srv/p")
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    queries.finish(operation, Operation.State.SUCCEEDED)
    spec = production(bare(CRON)).model_dump(mode="json")
    queries.go_live(queries.new_release(environment, operation, spec=spec))
    return environment


def wanted(kind: str, **params: object) -> dict[str, object]:
    return {"kind": kind, "project": "p", "environment": "production", "params": params}


def test_a_command_is_queued_as_it_is(shop: Environment, ask: Ask) -> None:
    answer = ask(
        "POST",
        "/api/v1/operations",
        wanted("run", service="api", command=["sh", "-c", "$(id); ü"], confirm="p-production"),
    )
    assert answer.status_code == 202
    assert answer.json()["params"] == {
        "service": "api",
        "command": ["sh", "-c", "$(id); ü"],
        "release": None,
        "variables": {},
        "timeout": 3600,
        "confirm": "p-production",
    }


@pytest.mark.parametrize(
    "params",
    [
        {"service": "api", "command": []},
        {"service": "api", "command": ["a\0b"]},
        {"service": "../x", "command": ["a"]},
        {"service": "api", "command": ["a"], "timeout": 0},
        {"service": "api", "command": ["a"], "variables": {"1": "x"}},
        {"service": "api", "command": "id"},
    ],
)
def test_what_is_no_command_is_refused(shop: Environment, ask: Ask, params: dict[str, object]) -> None:
    assert ask("POST", "/api/v1/operations", wanted("run", **params)).status_code == 422


def test_scheduled_commands(shop: Environment, ask: Ask) -> None:
    (job,) = ask("GET", f"{AT}/cron").json()
    assert (job["name"], job["service"], job["command"]) == ("nightly", "api", ["node", "nightly.js"])
    assert job["last"] is None
    assert job["next"].endswith((":30:00Z", ":30:00+00:00"))
    operation = ask("POST", "/api/v1/operations", wanted("cron", job="nightly")).json()
    assert operation["params"]["command"] == ["node", "nightly.js"]
    assert operation["actor"] == "root"
    busy = ask("POST", "/api/v1/operations", wanted("cron", job="nightly"))
    assert busy.status_code == 409
    assert str(operation["id"]) in busy.json()["hint"]
    (run,) = ask("GET", f"{AT}/cron/nightly/runs").json()
    assert (run["state"], run["trigger"], run["operation"]) == ("queued", "manual", operation["id"])
    paused = ask("POST", f"{AT}/cron/nightly/pause").json()
    assert (paused["paused"], paused["paused_by"], paused["next"]) == (True, "root", None)
    assert ask("POST", f"{AT}/cron/nightly/resume").json()["next"] is not None
    assert ask("GET", f"{AT}/cron/weekly/runs").status_code == 422
    assert "nightly" in ask("POST", f"{AT}/cron/weekly/pause").json()["hint"]


def test_who_goes_into_a_container_is_recorded_and_no_token_may_say_so(
    shop: Environment, ask: Ask, ask_remotely: Ask
) -> None:
    body = {"task": "p-production-api-r1.1", "program": "sh", "account": "root (ada)"}
    assert ask("POST", f"{AT}/exec", body).json()["confirm"] == "p-production"
    assert not Operation.objects.filter(kind="exec").exists()
    recorded = ask("POST", f"{AT}/exec", {**body, "confirm": "p-production"})
    assert recorded.status_code == 201
    assert (recorded.json()["kind"], recorded.json()["state"]) == ("exec", "succeeded")
    assert recorded.json()["params"] == body
    assert queries.claim("w") is None
    _, token = create_token("ci", days=1, grants=Grants(Role.OWNER))
    refused = ask_remotely("POST", f"{AT}/exec", body, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    assert Operation.objects.filter(kind="exec").count() == 1
