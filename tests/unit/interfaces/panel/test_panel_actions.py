from __future__ import annotations

import pytest

from havre.records.models import Environment, Operation

DROPIT = "/environments/dropit/production/do/"


def newest():
    return Operation.objects.latest("id")


@pytest.mark.parametrize(
    ("kind", "form", "params"),
    [
        ("deploy", {"ref": " courier-swaps "}, {"ref": "courier-swaps", "source": None}),
        ("deploy", {"ref": ""}, {"ref": None}),
        ("rollback", {"release": "4"}, {"release": 4, "with_data": False, "dry_run": False}),
        ("restart", {"service": "api"}, {"services": ["api"]}),
        ("restart", {}, {"services": None}),
        (
            "scale",
            {"replicas.api": "3", "was.api": "2", "replicas.web": "1", "was.web": "1"},
            {"replicas": {"api": 3}},
        ),
        ("scale", {"replicas.api": "", "was.api": "2"}, {"replicas": {"api": None}}),
        ("run", {"service": "api", "command": "node -e 'a b'"}, {"command": ["node", "-e", "a b"]}),
        ("backup", {"type": "full"}, {"type": "full"}),
        ("drill", {}, {"repository": None}),
        ("restore", {"service": "db", "at": "2026-11-30T14:05"}, {"at": "2026-11-30T14:05:00Z"}),
    ],
)
def test_a_form_becomes_the_operation_that_the_api_would_queue(send, kind, form, params):
    answer = send(DROPIT + kind, {**form, "confirm": "dropit-production"})

    assert answer.status_code == 302, answer.text
    row = newest()
    assert answer.headers["location"] == f"/operations/{row.pk}/"
    assert (row.kind, row.state, row.actor, str(row.environment)) == (
        kind,
        "queued",
        "root",
        "dropit-production",
    )
    assert params.items() <= row.params.items()


@pytest.mark.parametrize(
    ("kind", "form", "queued", "params"),
    [
        ("deploy", {"ref": "main"}, "plan", {"ref": "main", "drift": False}),
        ("rollback", {"release": "4"}, "rollback", {"with_data": True, "dry_run": True}),
        ("restore", {"service": "db"}, "restore", {"dry_run": True}),
    ],
)
def test_the_second_button_only_shows_what_would_be_done(send, kind, form, queued, params):
    assert send(DROPIT + kind, {**form, "dry": "1"}).status_code == 302
    assert newest().kind == queued
    assert params.items() <= newest().params.items()


def test_a_plan_is_carried_out_as_it_was_shown(send):
    plan = Operation.objects.get(kind="plan")
    answer = send(DROPIT + "apply", {"plan": str(plan.pk), "confirm": "dropit-production"})
    assert answer.status_code == 302, answer.text
    assert newest().params["plan"]["changes"] == plan.result["plan"]["changes"]
    assert newest().params["ref"] == plan.result["plan"]["commit"]


def test_a_plan_of_another_environment_is_not_carried_out(send):
    plan = Operation.objects.get(kind="plan")
    plan.environment = Environment.objects.get(name="staging")
    plan.save()
    assert send(DROPIT + "apply", {"plan": str(plan.pk)}).status_code == 422
    assert newest().kind != "apply"


@pytest.mark.parametrize("typed", ["", "dropit-staging", "DROPIT-PRODUCTION"])
@pytest.mark.parametrize("kind", ["rollback", "restart", "restore"])
def test_a_protected_environment_wants_its_name(send, kind, typed):
    before = newest().pk
    answer = send(DROPIT + kind, {"confirm": typed})
    assert answer.status_code == 422
    assert "dropit-production is protected" in answer.text
    assert newest().pk == before


@pytest.mark.parametrize(
    ("kind", "form", "told"),
    [
        ("deploy", {"ref": "--upload-pack=x"}, "is not the name of a branch"),
        ("deploy", {"ref": "<script>"}, "&lt;script&gt;"),
        ("rollback", {"release": "-1"}, "release"),
        ("scale", {"replicas.api": "many", "was.api": "2"}, "replicas.api"),
        ("scale", {"replicas.api": "2", "was.api": "2"}, "Nothing was changed"),
        ("run", {"service": "api", "command": "echo 'a"}, "quotation mark"),
        ("run", {"service": "api", "command": ""}, "command"),
        ("restore", {"at": "yesterday"}, "not a moment"),
        ("apply", {"plan": "9" * 400}, "not there any more"),
    ],
)
def test_what_is_wrong_is_told_beside_the_form_and_queues_nothing(send, kind, form, told):
    before = newest().pk
    answer = send(DROPIT + kind, {**form, "confirm": "dropit-production"})
    assert answer.status_code == 422
    assert told in answer.text
    assert "<script>" not in answer.text.replace("<script src", "")
    assert 'role="alert"' in answer.text
    assert newest().pk == before


def test_htmx_gets_the_form_alone_and_is_sent_on(send, harbour):
    form = harbour("GET", DROPIT + "restart", headers={"HX-Request": "true"})
    assert "<html" not in form.text
    answer = send(DROPIT + "restart", {"confirm": "dropit-production"}, **{"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["hx-redirect"] == f"/operations/{newest().pk}/"


@pytest.mark.parametrize("path", [DROPIT + "restart", "/operations/1/cancel", "/preferences"])
def test_nothing_is_done_without_the_token_of_a_page(harbour, path):
    before = newest().pk
    answer = harbour("POST", path, data={"confirm": "dropit-production", "theme": "dark"})
    assert answer.status_code == 403
    assert newest().pk == before


def test_a_rollback_shows_the_commits_and_what_differs(harbour):
    text = harbour("GET", DROPIT + "rollback?release=3").text
    assert text.count("<li><code>") == 3
    assert "image api" in text
    assert "secret better-auth" in text


def test_an_operation_is_asked_to_stop(send):
    running = Operation.objects.get(state="running")
    assert send(f"/operations/{running.pk}/cancel", {}).status_code == 302
    running.refresh_from_db()
    assert running.cancel_requested


def test_preferences_are_kept_and_lead_back_to_this_site_only(send):
    answer = send("/preferences", {"theme": "dark", "language": "fr", "next": "/data/"})
    assert answer.headers["location"] == "/data/"
    assert {answer.cookies["havre_theme"], answer.cookies["havre_language"]} == {"dark", "fr"}
    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        answer = send("/preferences", {"theme": "neon", "next": elsewhere})
        assert answer.headers["location"] == "/"
        assert "havre_theme" not in answer.cookies


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:1"]
)
def test_a_page_of_another_site_starts_nothing_through_the_tunnel(send, harbour, origin):
    wanted = '{"kind": "restart", "project": "dropit", "environment": "staging"}'
    before = newest().pk
    form = "/environments/dropit/staging/do/restart"
    assert send(form, {}, Origin=origin).status_code == 403
    plain = {"Content-Type": "text/plain", "Origin": origin}
    assert harbour("POST", "/api/v1/operations", content=wanted, headers=plain).status_code == 401
    assert newest().pk == before
    assert send(form, {}, Origin="http://localhost").status_code == 302
