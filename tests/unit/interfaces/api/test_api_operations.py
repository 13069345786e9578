from __future__ import annotations

import json

import pytest

from havre.domain.consent import RULES, Asks
from havre.operations.catalogue import RUNBOOKS
from havre.records import queries
from havre.records.models import Environment, Operation, Project, Release

DEPLOY = {"kind": "deploy", "project": "shop", "environment": "production"}


def is_problem(answer, status):
    told = answer.json()
    assert answer.status_code == status, told
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "hint", "retryable"} <= told.keys()
    assert told["status"] == status
    return told


def test_a_deployment_makes_its_environment_and_is_queued(ask):
    params = {"source": "/srv/shop.git", "subfolder": "deploy/a", "ref": "main"}

    answer = ask("POST", "/api/v1/operations", {**DEPLOY, "params": params})

    assert answer.status_code == 202
    told = answer.json()
    assert (told["kind"], told["state"], told["actor"]) == ("deploy", "queued", "root")
    assert (told["project"], told["environment"], told["steps"]) == ("shop", "production", [])
    row = Operation.objects.get(pk=told["id"])
    assert row.params == {**params, "confirm": ""}
    assert Project.objects.get().subfolder == "deploy/a"


def test_a_later_deployment_uses_the_remembered_source(ask):
    ask("POST", "/api/v1/operations", {**DEPLOY, "params": {"source": "/srv/shop.git"}})

    answer = ask("POST", "/api/v1/operations", DEPLOY)

    assert answer.status_code == 202
    assert answer.json()["params"]["source"] is None
    assert Project.objects.get().source == "/srv/shop.git"


def test_the_first_deployment_needs_a_source(ask):
    told = is_problem(ask("POST", "/api/v1/operations", DEPLOY), 422)
    assert "shop" in told["detail"]
    assert not Environment.objects.exists()


def test_other_operations_need_an_environment_that_exists(ask):
    queries.ensure_environment("shop", "production", source="")
    told = is_problem(
        ask("POST", "/api/v1/operations", {"kind": "restart", "project": "shop", "environment": "staging"}),
        404,
    )
    assert "shop/production" in told["hint"]


NAME = "shop-production"
NAMED = {"confirm": NAME}
CODE_ONLY = {"with_data": False, "dry_run": False}


@pytest.mark.parametrize(
    ("kind", "params", "stored"),
    [
        ("rollback", {"release": 3, **NAMED}, {"release": 3, **CODE_ONLY, **NAMED}),
        ("rollback", NAMED, {"release": None, **CODE_ONLY, **NAMED}),
        ("restart", {"services": ["api"], **NAMED}, {"services": ["api"], **NAMED}),
        (
            "scale",
            {"replicas": {"api": 3, "web": None}, **NAMED},
            {"replicas": {"api": 3, "web": None}, **NAMED},
        ),
        ("destroy", {"volumes": True, **NAMED}, {"volumes": True, **NAMED}),
        ("destroy", NAMED, {"volumes": False, **NAMED}),
        ("plan", {"drift": True}, {"source": None, "subfolder": "", "ref": None, "drift": True}),
        ("adopt", {}, {"basis": None}),
    ],
)
def test_params_of_each_kind(ask, kind, params, stored):
    queries.ensure_environment("shop", "production", source="")
    body = {"kind": kind, "project": "shop", "environment": "production", "params": params}
    assert ask("POST", "/api/v1/operations", body).json()["params"] == stored


def test_a_dry_run_of_code_alone_does_not_go_past_the_question(ask):
    queries.ensure_environment("shop", "production", source="")
    body = {"kind": "rollback", "project": "shop", "environment": "production", "params": {"dry_run": True}}
    told = is_problem(ask("POST", "/api/v1/operations", body), 422)
    assert "with_data" in json.dumps(told)
    assert not Operation.objects.exists()


PARAMS = {
    "scale": {"replicas": {"api": 2}},
    "run": {"service": "api", "command": ["id"]},
    "cron": {"job": "nightly"},
    "erase": {"subject": "member.email", "value": "ada@club.example"},
    "apply": {
        "plan": {
            "format": 1,
            "project": "shop",
            "environment": "production",
            "commit": "abc",
            "has_changes": True,
            "changes": [],
            "basis": {},
        },
        "source": "/srv/shop",
    },
    "deploy": {"source": "/srv/shop"},
    "plan": {"source": "/srv/shop"},
}


@pytest.mark.parametrize("kind", RUNBOOKS)
def test_a_protected_environment_is_touched_as_the_rule_says(ask, kind):
    where = {"kind": kind, "project": "shop", "environment": "production"}
    queries.ensure_environment("shop", "production", source="")
    params = PARAMS.get(kind, {})
    answer = ask("POST", "/api/v1/operations", {**where, "params": params})
    is_refused = RULES[kind].asks is Asks.ALWAYS
    assert (answer.json().get("confirm") == NAME) is is_refused, answer.json()
    assert Operation.objects.exists() is (not is_refused and kind != "cron")  # which has no such job
    if is_refused:
        assert RULES[kind].doing in is_problem(answer, 422)["detail"]
        wrong = {**where, "params": {**params, "confirm": "shop-prod"}}
        is_problem(ask("POST", "/api/v1/operations", wrong), 422)
        right = {**where, "params": {**params, **NAMED}}
        assert ask("POST", "/api/v1/operations", right).status_code == 202


def test_what_is_protected_is_said_by_the_live_release(ask):
    body = {"kind": "destroy", "project": "shop", "environment": "production", "params": {}}
    row = queries.ensure_environment("shop", "production", source="")
    told = is_problem(ask("POST", "/api/v1/operations", body), 422)
    assert NAME in told["hint"]
    assert not Operation.objects.exists()
    # What the live release says counts, not the name of the environment.
    operation = queries.enqueue("deploy", row, {}, actor="me")
    queries.go_live(queries.new_release(row, operation, spec={"protected": False}))
    assert ask("POST", "/api/v1/operations", body).status_code == 202


def test_a_plan_remembers_no_source_and_an_applied_one_names_its_commit(ask):
    where = {"project": "shop", "environment": "staging"}
    assert ask("POST", "/api/v1/operations", {"kind": "plan", **where, "params": {"source": "/srv/a"}}).json()
    assert Project.objects.get().source == ""
    plan = {"format": 1, **where, "commit": "abc", "has_changes": True, "changes": [], "basis": {}}
    answer = ask(
        "POST", "/api/v1/operations", {"kind": "apply", **where, "params": {"plan": plan, "source": "/srv/a"}}
    )
    assert answer.json()["params"]["ref"] == "abc"
    assert Project.objects.get().source == "/srv/a"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"project": "../etc"}, "project"),
        ({"project": "a" * 31}, "project"),
        ({"project": "shop\n"}, "project"),
        ({"environment": ""}, "environment"),
        ({"environment": "-x"}, "environment"),
        ({"environment": "é"}, "environment"),
        ({"kind": "explode"}, "body"),
        ({"extra": 1}, "extra"),
        ({"params": {"source": "--upload-pack=touch /tmp/x"}}, "params.source"),
        ({"params": {"source": "ext::sh -c id"}}, "params.source"),
        ({"params": {"source": "file:///etc"}}, "params.source"),
        ({"params": {"source": "https://me:secret@example.org/x"}}, "params.source"),
        ({"params": {"source": "/srv/x\x00y"}}, "params.source"),
        ({"params": {"source": "git@host:-oProxyCommand=id"}}, "params.source"),
        ({"params": {"source": "ssh://-oProxyCommand=id/x"}}, "params.source"),
        ({"params": {"source": "/srv/x", "subfolder": "../.."}}, "params.subfolder"),
        ({"params": {"source": "/srv/x", "subfolder": "/etc"}}, "params.subfolder"),
        ({"params": {"source": "/srv/x", "ref": "--help"}}, "params.ref"),
        ({"params": {"source": "/srv/x", "ref": "a..b"}}, "params.ref"),
        ({"params": {"source": "/srv/x", "ref": "a\nb"}}, "params.ref"),
        ({"params": {"source": "/srv/x", "ref": "HEAD~1"}}, "params.ref"),
    ],
)
def test_hostile_words_are_refused_by_place_and_change_nothing(ask, change, where):
    told = is_problem(ask("POST", "/api/v1/operations", {**DEPLOY, **change}), 422)
    if where == "params.ref":
        assert "is not the name of a branch, a tag or a commit" in told["detail"]
        assert "HEAD~1" in told["hint"]
    assert any(where in each["where"] for each in told["errors"]), told
    assert "secret" not in json.dumps(told)
    assert not Operation.objects.exists()
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    "source", ["https://example.org/a/b.git", "ssh://git@host:22/a", "git@example.org:a/b"]
)
def test_git_addresses_are_sources(ask, source):
    answer = ask("POST", "/api/v1/operations", {**DEPLOY, "params": {"source": source}})
    assert answer.status_code == 202, answer.json()


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"kind":', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_one_is_a_problem(ask, body):
    answer = ask("POST", "/api/v1/operations", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(ask):
    big = b'{"kind": "' + b"x" * 1_200_000 + b'"}'

    async def chunks():
        for at in range(0, len(big), 65536):
            yield big[at : at + 65536]

    is_problem(ask("POST", "/api/v1/operations", content=big), 413)
    is_problem(ask("POST", "/api/v1/operations", content=chunks()), 413)


def test_listing_filters_and_pages(ask):
    shop = queries.ensure_environment("shop", "production", source="")
    blog = queries.ensure_environment("blog", "production", source="")
    ids = [queries.enqueue("restart", row, {}, actor="t").pk for row in (shop, shop, blog)]

    def listed(**params):
        return [row["id"] for row in ask("GET", "/api/v1/operations", params=params).json()]

    assert listed() == ids[::-1]
    assert listed(project="shop") == [ids[1], ids[0]]
    assert listed(project="shop", environment="production", limit=1) == [ids[1]]
    assert listed(before=ids[1]) == [ids[0]]
    assert listed(state="running") == []
    is_problem(ask("GET", "/api/v1/operations", params={"state": "odd"}), 422)
    is_problem(ask("GET", "/api/v1/operations", params={"limit": 100000}), 422)


def test_an_operation_is_still_found_after_its_environment_was_destroyed(ask):
    row = queries.ensure_environment("shop", "production", source="")
    number = queries.enqueue("destroy", row, {}, actor="t").pk
    row.delete()
    params = {"project": "shop", "environment": "production"}
    assert [each["id"] for each in ask("GET", "/api/v1/operations", params=params).json()] == [number]
    assert ask("GET", f"/api/v1/operations/{number}").json()["target"] == "shop-production"


def test_cancelling(ask):
    row = queries.ensure_environment("shop", "production", source="")
    number = queries.enqueue("restart", row, {}, actor="t").pk

    answer = ask("POST", f"/api/v1/operations/{number}/cancel")

    assert answer.status_code == 202
    assert answer.json()["state"] == "cancelled"
    is_problem(ask("POST", f"/api/v1/operations/{number}/cancel"), 409)
    is_problem(ask("POST", "/api/v1/operations/999/cancel"), 404)


def test_releases_name_the_current_and_the_kept_one(ask):
    row = queries.ensure_environment("shop", "production", source="")
    for number in (1, 2, 3):
        operation = queries.enqueue("deploy", row, {}, actor="t")
        release = queries.new_release(row, operation, commit=f"c{number}", images={"api": "sha256:1"})
        queries.go_live(Release.objects.get(pk=release.pk))
        row.refresh_from_db()
    rows = ask("GET", "/api/v1/environments/shop/production/releases").json()
    assert [(r["number"], r["current"], r["kept"]) for r in rows] == [
        (3, True, False),
        (2, False, True),
        (1, False, False),
    ]
