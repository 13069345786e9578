from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from havre.adapters import sealing
from havre.config import config
from havre.records.models import Secret, Token

HOME = "/api/v1/environments/shop/production"


def test_a_secret_goes_in_sealed_and_never_comes_out(ask):
    assert ask("PUT", f"{HOME}/secrets/session-key", {"value": "hunter2"}).json() == {
        "name": "session-key",
        "version": 1,
    }
    assert ask("PUT", f"{HOME}/secrets/session-key", {"value": "hunter3"}).json()["version"] == 2

    listed = ask("GET", f"{HOME}/secrets")

    assert "hunter" not in listed.text
    (row,) = listed.json()
    assert (row["name"], row["version"], row["actor"], row["unset_at"]) == ("session-key", 2, "root", None)
    stored = Secret.objects.get(version=2)
    assert b"hunter" not in bytes(stored.sealed)
    assert sealing.unseal(config().paths.private_key, bytes(stored.sealed)) == b"hunter3"


def test_unsetting_a_secret_keeps_its_versions(ask):
    ask("PUT", f"{HOME}/secrets/session-key", {"value": "x"})
    assert ask("DELETE", f"{HOME}/secrets/session-key").status_code == 204
    assert ask("GET", f"{HOME}/secrets").json()[0]["unset_at"]
    assert ask("DELETE", f"{HOME}/secrets/session-key").status_code == 404
    assert ask("PUT", f"{HOME}/secrets/session-key", {"value": "y"}).json()["version"] == 2


@pytest.mark.parametrize(
    "value",
    [
        "",
        "hunter2" + "x" * 65536,
        "hunter2" + "é" * 32768,
        "hunter2\x00",
        ["hunter2"],
        {"hunter2": 1},
        7,
        None,
    ],
)
def test_a_refused_secret_is_not_repeated(ask, value, caplog):
    answer = ask("PUT", f"{HOME}/secrets/session-key", {"value": value})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text + caplog.text
    assert answer.json()["errors"][0]["where"].startswith("value")
    assert not Secret.objects.exists()


def test_half_a_surrogate_is_refused(ask):
    body = b'{"value": "\\ud800"}'
    answer = ask("PUT", f"{HOME}/secrets/session-key", content=body)
    assert answer.status_code in {400, 422}


def test_the_largest_secret_fits_however_it_is_escaped(ask):
    body = json.dumps({"value": "é" * 32768}, ensure_ascii=True).encode()
    assert ask("PUT", f"{HOME}/secrets/session-key", content=body).status_code == 200


@pytest.mark.parametrize("name", ["db.password", "Session", "a b", "..", "a%00b", "a%0Ab", "-a"])
def test_names_of_secrets(ask, name):
    assert ask("PUT", f"{HOME}/secrets/{name}", {"value": "x"}).status_code in {404, 422}
    assert not Secret.objects.exists()


def test_variables(ask):
    assert ask("GET", f"{HOME}/variables").status_code == 404
    ask("PUT", f"{HOME}/variables", {"values": {"LOG": "debug", "A_1": ""}})
    listed = ask("PUT", f"{HOME}/variables", {"service": "api", "values": {"LOG": "info"}}).json()
    assert [(v["service"], v["name"], v["value"]) for v in listed] == [
        ("", "A_1", ""),
        ("", "LOG", "debug"),
        ("api", "LOG", "info"),
    ]
    assert len(ask("DELETE", f"{HOME}/variables", {"names": ["LOG", "NONE"]}).json()) == 2
    assert ask("DELETE", f"{HOME}/variables", {"names": ["LOG"]}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"values": {}},
        {"values": {"A=B": "x"}},
        {"values": {"1A": "x"}},
        {"values": {"A\n": "x"}},
        {"values": {"A": "x\x00"}},
        {"values": {"A": "x" * 40000}},
        {"values": {"A": 1}},
        {"service": "../x", "values": {"A": "x"}},
    ],
)
def test_hostile_variables(ask, body):
    assert ask("PUT", f"{HOME}/variables", body).status_code == 422


def test_variables_are_set_all_or_none(ask):
    ask("PUT", f"{HOME}/variables", {"values": {"A": "1"}})
    ask("PUT", f"{HOME}/variables", {"values": {"A": "2", "B": "x" * 40000}})
    assert [v["value"] for v in ask("GET", f"{HOME}/variables").json()] == ["1"]


def test_a_token_works_from_elsewhere_until_it_is_revoked(ask, ask_remotely):
    made = ask("POST", "/api/v1/tokens", {"name": "ci", "days": 1, "role": "maintainer"})
    assert made.status_code == 201
    text = made.json()["token"]
    bearer = {"Authorization": f"Bearer {text}"}
    assert text not in str(list(Token.objects.values()))

    assert ask_remotely("GET", "/api/v1/version", headers=bearer).status_code == 200
    assert ask_remotely("GET", "/metrics", headers=bearer).status_code == 200
    assert Token.objects.get().last_used_at is not None
    assert ask("POST", "/api/v1/tokens", {"name": "ci"}).status_code == 409
    assert text not in ask("GET", "/api/v1/tokens").text

    assert ask("DELETE", "/api/v1/tokens/ci").status_code == 204
    assert ask_remotely("GET", "/api/v1/version", headers=bearer).status_code == 401
    assert ask("DELETE", "/api/v1/tokens/ci").status_code == 404


def test_an_expired_token_is_refused(ask, ask_remotely):
    text = ask("POST", "/api/v1/tokens", {"name": "ci", "days": 1}).json()["token"]
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = ask_remotely("GET", "/api/v1/version", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401


def test_what_the_holder_of_a_token_may_not_do(ask, ask_remotely):
    text = ask("POST", "/api/v1/tokens", {"name": "ci", "role": "maintainer"}).json()["token"]
    bearer = {"Authorization": f"bearer {text}"}

    def remote(method, path, body=None):
        return ask_remotely(method, path, body, headers=bearer)

    assert remote("GET", "/api/v1/tokens").status_code == 403
    assert remote("POST", "/api/v1/tokens", {"name": "x"}).status_code == 403
    assert remote("DELETE", "/api/v1/tokens/ci").status_code == 403
    deploy = {"kind": "deploy", "project": "shop", "environment": "production"}
    assert remote("POST", "/api/v1/operations", {**deploy, "params": {"source": "/etc"}}).status_code == 403
    allowed = remote("POST", "/api/v1/operations", {**deploy, "params": {"source": "https://example.org/x"}})
    assert allowed.status_code == 202
    assert allowed.json()["actor"] == "token ci"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer havre_guess"},
        {"Authorization": "Basic cm9vdDo="},
        {"X-Forwarded-For": "127.0.0.1"},
        {"havre.peer": "root", "Havre-Peer": "root"},
        {"Host": "havre"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/version", "/api/v1/openapi.json", "/api/v1/x", "/metrics"])
def test_strangers_reach_nothing(ask_remotely, headers, path):
    answer = ask_remotely("GET", path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
