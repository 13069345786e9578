"""Hostile requests to the panel: clear refusals, no effect, nothing run by a browser."""

from __future__ import annotations

import pytest
from django.conf import settings

from havre.domain.access import Grants, Role
from havre.domain.router_proof import HEADER, proof_of
from havre.interfaces.api.access import Peer
from havre.records import accounts
from havre.records.models import User
from support.api_process import client_of

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def visit(transactional_db, state):
    """A stranger's requests, through the router."""
    asking = client_of(None)

    def ask(method, path, headers=None, **more):
        return asking(
            method, path, headers={HEADER: proof_of(settings.SECRET_KEY), **(headers or {})}, **more
        )

    return ask


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/mfa/js/%00",
        "/account/welcome/..%2f..%2fetc/",
        "/account/welcome/" + "a" * 5000 + "/",
        "/account/welcome/%00/",
        f"/account/{SCRIPT}/",
        "/account/sessions/99999999999999999999999999/end/",
    ],
)
def test_paths(visit, path):
    answer = visit("GET", path)
    assert answer.status_code in {302, 400, 404, 405}
    assert "root:" not in answer.text
    assert SCRIPT not in answer.text


@pytest.mark.parametrize(
    "name", [SCRIPT, "' OR 1=1 --", "ada\x00", "a" * 100_000, "{{7*7}}", "%(x)s", "../x", "\N{GRINNING FACE}"]
)
def test_names_at_the_sign_in(visit, name):
    accounts.create_user("ada", Grants(Role.OWNER))
    page = visit("GET", "/account/login/")
    cookie = page.cookies["havre_csrf"]
    answer = visit(
        "POST",
        "/account/login/",
        headers={"Cookie": f"havre_csrf={cookie}", "Origin": "https://localhost", "X-CSRFToken": cookie},
        data={"login": name, "password": name},
    )
    assert answer.status_code == 200, answer.text  # the form again
    assert SCRIPT not in answer.text
    assert "49" not in answer.text or "{{7*7}}" not in name


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"X-Original-URL": "/api/v1/users"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Cookie": "havre_session=../../etc/passwd"},
        {"Cookie": "havre_session=" + "a" * 4000},
        {"Authorization": "Bearer \xff\xfe"},
    ],
)
def test_headers(visit, headers):
    for path in ("/account/tokens/", "/api/v1/users"):
        answer = visit("GET", path, headers={k: v.encode("latin-1") for k, v in headers.items()})
        assert answer.status_code in {302, 400, 401}
        assert "evil.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize("name", [SCRIPT, "", "Ada", "a b", "-a", "a" * 61, "a/b", "a\n", "é", "root;id"])
def test_names_of_accounts(transactional_db, state, name):
    answer = client_of(Peer("root"))("POST", "/api/v1/users", {"name": name, "role": "owner"})
    assert answer.status_code == 422
    assert not User.objects.exists()


def test_a_body_that_is_too_large(visit):
    answer = visit("POST", "/account/login/", data={"login": "a" * 2_000_000})
    assert answer.status_code == 413
