"""Who may do what through the API, route by route."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from havre.domain.access import OPERATIONS, RULES, Action, Grants, Reach, Role
from havre.domain.router_proof import HEADER, proof_of
from havre.errors import ServerError
from havre.interfaces.api import permissions
from havre.interfaces.api.access import Peer
from havre.interfaces.api.app import api
from havre.records import accounts, audit_log, queries
from havre.records.models import AuditEntry, Environment, Incident, Operation, Project, Secret, Token
from havre.records.tokens import create_token
from support.api_process import client_of

Ask = Callable[..., httpx.Response]
ACTIONS = sorted(route for route, need in permissions.ROUTES.items() if isinstance(need, Action))
SHOP = {"project": "shop", "environment": "production"}


@pytest.fixture
def shop(transactional_db: None) -> Environment:
    queries.ensure_environment("blog", "production", source="https://example.org/blog")
    return queries.ensure_environment("shop", "production", source="https://example.org/shop")


@pytest.fixture
def holding(ask_remotely: Ask) -> Callable[[Grants], Ask]:
    """Makes tokens, and asks with them."""

    def make(held: Grants) -> Ask:
        number = Token.objects.count()
        _, text = create_token(f"t{number}", days=1, grants=held)

        def ask(method: str, path: str, body: Any = None) -> httpx.Response:
            return ask_remotely(method, path, body, headers={"Authorization": f"Bearer {text}"})

        return ask

    return make


def routes_of_the_api() -> set[str]:
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in api.get_openapi_schema(path_prefix="/api/v1/")["paths"].items()
        for method in methods
    }


def test_every_route_declares_what_it_takes_and_no_other_is_declared():
    assert set(permissions.ROUTES) == routes_of_the_api()


def test_what_changes_something_never_takes_less_than_seeing():
    lax = {permissions.OPEN, Action.SEE, Action.SEE_SERVER}
    assert not [r for r, need in permissions.ROUTES.items() if not r.startswith("GET ") and need in lax]


def test_a_route_without_a_declared_permission_answers_nobody(ask, monkeypatch):
    monkeypatch.delitem(permissions.ROUTES, "GET /version")
    answer = ask("GET", "/api/v1/version")
    assert answer.status_code == 403
    assert "no permission declared" in answer.json()["detail"]


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("route", ACTIONS)
def test_a_route_answers_the_roles_that_the_table_says(shop, holding, route, role):
    need = permissions.ROUTES[route]
    method, path = route.split(" ", 1)
    names = {"project": "shop", "environment": "production", "name": "n", "job": "j", "number": 1}
    path = "/api/v1" + path.format(**names, line_id="20261130-1")
    rule = RULES[need]

    everywhere = holding(Grants(role))(method, path).status_code
    here = holding(Grants(None, {"shop": role} if role else {}))(method, path).status_code
    elsewhere = holding(Grants(None, {"blog": role} if role else {}))(method, path).status_code

    may = role is not None and role.covers(rule.least)
    sees = role is not None
    if rule.reach is Reach.SERVER:
        assert (everywhere != 403) is may
        assert here == elsewhere == 403
        return
    # Whether it went well is another matter: a body is missing, a worker is not there.
    refused = 403 if sees else 404
    local_only = route.endswith("/exec")
    for status in (everywhere, here):
        assert (status != refused) is may or local_only or (may and status == 404)
        if not may:
            assert status == refused
    assert elsewhere == 404


def test_alerts_are_of_what_one_may_see_and_their_log_of_who_may_read_it(shop, holding):
    place = {"kind": "down", "severity": "critical", "lines": ["a line"]}
    of_shop = Incident.objects.create(environment=shop, place="shop/production", **place)
    of_server = Incident.objects.create(place="server", **place)

    def listed(grants):
        return {row["id"]: row["lines"] for row in holding(grants)("GET", "/api/v1/alerts").json()}

    def taken(grants, row):
        return holding(grants)("POST", f"/api/v1/alerts/{row.pk}/acknowledge").status_code

    assert listed(Grants(Role.OWNER)) == {of_shop.pk: ["a line"], of_server.pk: ["a line"]}
    assert listed(Grants(None, {"shop": Role.DEVELOPER})) == {of_shop.pk: ["a line"]}
    assert listed(Grants(None, {"shop": Role.VIEWER})) == {of_shop.pk: []}
    assert listed(Grants(None, {"blog": Role.OWNER})) == {}
    assert taken(Grants(None, {"blog": Role.OWNER}), of_shop) == 404
    assert taken(Grants(None, {"shop": Role.VIEWER}), of_shop) == 403
    assert taken(Grants(None, {"shop": Role.OWNER}), of_server) == 404
    assert taken(Grants(Role.DEVELOPER), of_server) == 403
    assert taken(Grants(None, {"shop": Role.DEVELOPER}), of_shop) == 200
    assert taken(Grants(Role.MAINTAINER), of_server) == 200


@pytest.mark.parametrize("kind", sorted(set(OPERATIONS) - {"promote", "abort", "copy", "exec"}))
@pytest.mark.parametrize("role", list(Role))
def test_operations_take_the_role_of_their_kind(shop, holding, kind, role):
    body = {"kind": kind, **SHOP, "params": PARAMS.get(kind, {})}
    may = role.covers(RULES[OPERATIONS[kind]].least)

    answer = holding(Grants(None, {"shop": role}))("POST", "/api/v1/operations", body)
    assert (answer.status_code == 403) is not may, answer.text
    assert holding(Grants(None, {"blog": role}))("POST", "/api/v1/operations", body).status_code == 404
    if not may:
        assert not Operation.objects.exists()
        assert not AuditEntry.objects.exists()


PARAMS: dict[str, dict[str, Any]] = {
    "scale": {"replicas": {"api": 2}},
    "run": {"service": "api", "command": ["true"]},
    "cron": {"job": "nightly"},
    "erase": {"subject": "members.email", "value": "x@example.org"},
    "apply": {
        "plan": {
            "format": 1,
            **SHOP,
            "commit": "abc",
            "has_changes": True,
            "changes": [],
            "basis": {},
        }
    },
}


def test_nothing_of_another_project_is_found_by_guessing(shop, holding):
    blog = queries.environment_named("blog", "production")
    theirs = queries.enqueue("restart", blog, {}, actor="t")
    ours = queries.enqueue("restart", shop, {}, actor="t")
    ask = holding(Grants(None, {"shop": Role.OWNER}))

    for path in (f"operations/{theirs.pk}", f"operations/{theirs.pk}/events", "operations/999"):
        assert ask("GET", f"/api/v1/{path}").status_code == 404
    assert ask("POST", f"/api/v1/operations/{theirs.pk}/cancel").status_code == 404
    assert [row["id"] for row in ask("GET", "/api/v1/operations").json()] == [ours.pk]
    assert ask("GET", "/api/v1/operations?project=blog").json() == []
    assert [row["project"] for row in ask("GET", "/api/v1/environments").json()] == ["shop"]
    assert [row["name"] for row in ask("GET", "/api/v1/projects").json()] == ["shop"]
    hidden = ask("GET", "/api/v1/environments/blog/production/releases")
    missing = ask("GET", "/api/v1/environments/nope/production/releases")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("blog", "X") == missing.text.replace("nope", "X")


def test_an_operation_whose_environment_is_gone_stays_with_its_project(shop, holding):
    ours = queries.enqueue("destroy", shop, {}, actor="t")
    other = queries.ensure_environment("shop2-x", "production", source="")
    theirs = queries.enqueue("destroy", other, {}, actor="t")
    Project.objects.create(name="shop2", source="")
    Operation.objects.update(environment=None)
    Project.objects.filter(name="shop2-x").delete()

    def status(number: int, held: Grants) -> int:
        return holding(held)("GET", f"/api/v1/operations/{number}").status_code

    assert status(ours.pk, Grants(None, {"shop": Role.VIEWER})) == 200
    assert status(ours.pk, Grants(None, {"blog": Role.OWNER})) == 404
    assert status(theirs.pk, Grants(None, {"shop2": Role.OWNER})) == 404
    assert status(theirs.pk, Grants(Role.VIEWER)) == 200


def test_a_new_project_takes_a_role_on_the_server(shop, holding):
    path, body = "/api/v1/environments/new/production/variables", {"values": {"A": "1"}}
    assert holding(Grants(Role.DEVELOPER))("PUT", path, body).status_code == 403
    assert holding(Grants(None, {"shop": Role.OWNER}))("PUT", path, body).status_code == 404
    assert not Project.objects.filter(name="new").exists()
    assert holding(Grants(Role.MAINTAINER))("PUT", path, body).status_code == 200


def test_who_cancels_needs_the_role_that_starting_takes(shop, holding):
    restore = queries.enqueue("restore", shop, {}, actor="t")
    path = f"/api/v1/operations/{restore.pk}/cancel"
    assert holding(Grants(None, {"shop": Role.DEVELOPER}))("POST", path).status_code == 403
    assert holding(Grants(None, {"shop": Role.MAINTAINER}))("POST", path).status_code == 202


def test_a_change_and_its_entry_in_the_audit_log_are_one(ask, shop, monkeypatch):
    ask("PUT", "/api/v1/environments/shop/production/secrets/db", {"value": "hunter2"})
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.via, entry.action) == ("root", "socket", "set secrets")
    assert (entry.project, entry.environment, entry.details["name"]) == ("shop", "production", "db")
    assert "hunter2" not in json.dumps(list(AuditEntry.objects.values()), default=str)

    def fail(*_args: Any, **_more: Any) -> None:
        raise DatabaseError("disk is full")

    monkeypatch.setattr(audit_log, "record", fail)
    answer = ask("PUT", "/api/v1/environments/shop/production/secrets/other", {"value": "x"})
    assert answer.status_code == 503
    assert [row.name for row in Secret.objects.all()] == ["db"]


def test_reading_of_secrets_and_queueing_are_noted_with_who_and_from_where(shop, ask_remotely):
    _, text = create_token("ci", days=1, grants=Grants(Role.OWNER))
    headers = {"Authorization": f"Bearer {text}", "X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
    ask_remotely("GET", "/api/v1/environments/shop/production/secrets", headers=headers)
    ask_remotely("GET", "/api/v1/environments/shop/production/variables", headers=headers)
    ask_remotely("POST", "/api/v1/operations", {"kind": "backup", **SHOP}, headers=headers)
    rows = [(e.actor, e.via, e.address, e.action, e.project) for e in AuditEntry.objects.order_by("pk")]
    assert rows == [
        ("token ci", "token", "203.0.113.9", "read what is known of secrets", "shop"),
        ("token ci", "token", "203.0.113.9", "back up", "shop"),
    ]
    assert Token.objects.get().last_used_from == "203.0.113.9"


def test_the_audit_log_takes_nothing_back(transactional_db: None):
    entry = audit_log.record(audit_log.By("root", "socket"), "deploy")
    for change in (
        lambda: AuditEntry.objects.update(actor="nobody"),
        lambda: AuditEntry.objects.all().delete(),
        entry.save,
        entry.delete,
    ):
        with pytest.raises(ServerError, match="appended"):
            change()
    # After all migrations, and also for who goes around Django's models.
    for statement in ("UPDATE records_auditentry SET actor = 'x'", "DELETE FROM records_auditentry"):
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(statement)
    assert AuditEntry.objects.get().actor == "root"


def test_the_audit_log_is_read_and_exported(ask, shop, holding):
    for name, project in (("=cmd()", "shop"), ("bob", "blog"), ("bob", "")):
        audit_log.record(audit_log.By(name, "session", "192.0.2.1"), "deploy", project=project)
    assert [row["actor"] for row in ask("GET", "/api/v1/audit").json()] == ["bob", "bob", "=cmd()"]
    assert len(ask("GET", "/api/v1/audit?limit=1").json()) == 1
    lines = ask("GET", "/api/v1/audit/export").text.splitlines()
    assert [json.loads(line)["project"] for line in lines] == ["shop", "blog", ""]
    table = ask("GET", "/api/v1/audit/export?form=csv").text.splitlines()
    assert table[0] == ",".join(audit_log.FIELDS)
    assert "'=cmd()" in table[1]

    mine = holding(Grants(None, {"shop": Role.MAINTAINER, "blog": Role.VIEWER}))
    assert [row["actor"] for row in mine("GET", "/api/v1/audit").json()] == ["=cmd()"]
    assert len(mine("GET", "/api/v1/audit/export").text.splitlines()) == 1
    assert mine("GET", "/api/v1/audit?project=blog").status_code == 403
    assert mine("GET", "/api/v1/audit?project=nope").status_code == 404
    assert holding(Grants(None, {"shop": Role.DEVELOPER}))("GET", "/api/v1/audit").status_code == 403


def test_a_token_ends_with_what_its_owner_may(shop, ask_remotely):
    user = accounts.create_user("ada", Grants(None, {"shop": Role.MAINTAINER}))
    _, text = create_token("a", days=1, grants=Grants(None, {"shop": Role.MAINTAINER}), owner=user)

    def status(path: str = "environments/shop/production/variables") -> int:
        return ask_remotely("GET", f"/api/v1/{path}", headers={"Authorization": f"Bearer {text}"}).status_code

    assert status() == 200
    accounts.set_grants(user, Grants(None, {"shop": Role.VIEWER}))
    assert (status(), status("environments/shop/production/releases")) == (403, 200)
    user.is_active = False
    user.save()
    assert status("environments/shop/production/releases") == 404
    user.delete()
    assert status("version") == 401


def test_nobody_gives_more_than_they_have(shop, holding, ask):
    assert ask("POST", "/api/v1/tokens", {"name": "x", "projects": ["nope"]}).status_code == 422
    assert ask("POST", "/api/v1/users", {"name": "Ada", "role": "viewer"}).status_code == 422
    project_owner = holding(Grants(None, {"shop": Role.OWNER}))
    assert project_owner("POST", "/api/v1/users", {"name": "eve", "role": "owner"}).status_code == 403
    assert project_owner("POST", "/api/v1/tokens", {"name": "eve", "role": "owner"}).status_code == 403


def test_an_account_is_removed_with_its_tokens_and_leaves_what_it_did(ask, shop):
    for name in ("ada", "bob"):
        ask("POST", "/api/v1/users", {"name": name, "role": "owner"})
    create_token("bobs", days=1, grants=Grants(Role.VIEWER), owner=accounts.user_named("bob"))
    audit_log.record(audit_log.By("bob", "session"), "deploy")
    assert ask("DELETE", "/api/v1/users/nobody").status_code == 404
    assert ask("DELETE", "/api/v1/users/bob").status_code == 204
    assert [row["name"] for row in ask("GET", "/api/v1/users").json()] == ["ada"]
    assert not Token.objects.exists()
    assert AuditEntry.objects.filter(actor="bob").exists()
    assert AuditEntry.objects.latest("pk").details["request"] == "DELETE /users/{name}"


def test_accounts_are_made_changed_and_shut_out(ask, shop):
    made = ask("POST", "/api/v1/users", {"name": "ada", "role": "owner"})
    assert made.status_code == 201
    assert made.json()["url"].startswith("/account/welcome/")
    assert ask("POST", "/api/v1/users", {"name": "ada", "role": "viewer"}).status_code == 409
    (row,) = ask("GET", "/api/v1/users").json()
    assert (row["has_password"], row["has_second_factor"]) == (False, False)
    assert row["grants"] == [{"project": "", "role": "owner"}]
    # The last owner stays one.
    assert ask("DELETE", "/api/v1/users/ada").status_code == 409
    assert ask("PUT", "/api/v1/users/ada", {"active": False}).status_code == 409
    assert ask("PUT", "/api/v1/users/ada", {"role": "owner", "projects": ["shop"]}).status_code == 409
    ask("POST", "/api/v1/users", {"name": "bob", "role": "owner"})
    changed = ask(
        "PUT", "/api/v1/users/ada", {"role": "viewer", "projects": ["shop"], "active": False}
    ).json()
    assert (changed["grants"], changed["active"]) == ([{"project": "shop", "role": "viewer"}], False)
    assert ask("PUT", "/api/v1/users/nobody", {"active": False}).status_code == 404
    assert "link" not in json.dumps(list(AuditEntry.objects.values("details")))


def test_a_browser_does_not_become_an_administrator_by_the_socket(ask, shop):
    for header in ({"Origin": "http://localhost:8700"}, {"Sec-Fetch-Site": "none"}, {"Cookie": "a=b"}):
        answer = ask("GET", "/api/v1/environments", headers=header)
        assert answer.status_code == 403
        assert "panel.sock" in answer.json()["hint"]


def test_the_panels_socket_makes_nobody_an_administrator(transactional_db: None, state):
    ask = client_of(None, "panel")
    assert ask("GET", "/api/v1/environments").status_code == 401
    assert ask("GET", "/api/v1/environments", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert client_of(Peer("root"))("GET", "/api/v1/environments").status_code == 200


def test_who_goes_around_the_router_is_not_believed_and_has_no_panel(shop, state):
    _, text = create_token("ci", days=1, grants=Grants(Role.VIEWER))
    around = client_of(None)

    def status(path: str, **headers: str) -> int:
        return around("GET", path, headers=headers).status_code

    assert status("/account/login/") == 404
    assert status("/account/login/", **{HEADER: proof_of("another key")}) == 404
    assert status("/healthz") == 503  # there is no worker; it answers
    told = {"Authorization": f"Bearer {text}", "X-Forwarded-For": "203.0.113.9"}
    assert status("/api/v1/version", **told) == 200
    assert Token.objects.get().last_used_from == "127.0.0.1"
    proven = {HEADER: proof_of(settings.SECRET_KEY)}
    assert status("/account/login/", **proven) == 200
    page = around("GET", "/account/login/", headers=proven)
    twice = around("GET", "/account/login/", headers=[*proven.items(), (HEADER, "x")])
    assert (page.status_code, twice.status_code) == (200, 404)


def test_guessing_tokens_is_slowed_down(ask_remotely, shop):
    _, text = create_token("ci", days=1, grants=Grants(Role.VIEWER))

    def status(token: str, address: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
        return ask_remotely("GET", "/api/v1/version", headers=headers).status_code

    assert [status("havre_no", "192.0.2.1") for _ in range(30)] == [401] * 30
    assert status("havre_no", "192.0.2.1") == 429
    assert status(text, "192.0.2.1") == 429
    assert status(text, "192.0.2.2") == 200


def test_who_asks_too_often_waits(ask_remotely, ask, monkeypatch):
    monkeypatch.setattr(permissions.PerCaller, "parse_rate", lambda *_: (2, 60))
    for throttle in api.throttle if isinstance(api.throttle, list) else [api.throttle]:
        monkeypatch.setattr(throttle, "num_requests", 2)
    _, text = create_token("ci", days=1, grants=Grants(Role.VIEWER))
    headers = {"Authorization": f"Bearer {text}"}
    found = [ask_remotely("GET", "/api/v1/version", headers=headers).status_code for _ in range(3)]
    assert found == [200, 200, 429]
    assert [ask("GET", "/api/v1/version").status_code for _ in range(4)] == [200] * 4


def test_a_token_expires(shop, ask_remotely):
    _, text = create_token("ci", days=1, grants=Grants(Role.VIEWER))
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = ask_remotely("GET", "/api/v1/version", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401
