"""Variables and secrets: set, unset, listed; values of secrets go in and never come out."""

from __future__ import annotations

import pytest

from havre.adapters import sealing
from havre.config import config
from havre.domain.access import Grants, Role
from havre.records import configuration, manifests, queries
from havre.records.models import AuditEntry, Environment, Secret, Variable
from support.panel_people import browser_of

PATH = "/environments/dropit/production/settings/"
VALUE = "sk_live_hunter2"
TEXT = """\
project: dropit
services:
  api: {kind: app, build: ., port: 80, health: /, env: {KEY: {secret: stripe-key}}}
"""


@pytest.fixture
def row(harbour):
    return Environment.objects.get(project__name="dropit", name="production")


def actions():
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_a_variable_is_set_shown_and_unset(send, harbour, row):
    answer = send(f"{PATH}variable", {"name": "LOG_LEVEL", "value": "<b>debug</b>", "service": "api"})
    assert (answer.status_code, answer.headers["location"]) == (302, f"{PATH}#variables")
    assert Variable.objects.get(environment=row).value == "<b>debug</b>"
    assert "&lt;b&gt;debug&lt;/b&gt;" in harbour("GET", PATH).text
    entry = AuditEntry.objects.filter(action="set variables").get()
    assert (entry.project, entry.details["names"]) == ("dropit", ["LOG_LEVEL"])
    assert "debug" not in str(entry.details)
    send(f"{PATH}variable/unset", {"name": "LOG_LEVEL", "service": "api"})
    send(f"{PATH}variable/unset", {"name": "LOG_LEVEL", "service": "api"})  # again does no harm
    assert not Variable.objects.exists()
    assert actions().count("set variables") == 2


def test_values_that_look_like_secrets_are_shown_to_who_asks(harbour, row):
    configuration.set_variables(row, "", {"API_TOKEN": "t0ps3cret", "MODE": "fast"})
    page = harbour("GET", PATH).text
    assert "fast" in page
    assert "t0ps3cret" not in page
    assert "t0ps3cret" in harbour("GET", f"{PATH}?show=1").text


@pytest.mark.parametrize("field", ["value", "lines"])
def test_a_secret_is_sealed_and_never_comes_out(send, harbour, row, field):
    answer = send(f"{PATH}secret", {"name": "stripe-key", field: VALUE})
    assert answer.status_code == 302, answer.text
    secret = Secret.objects.get(environment=row, name="stripe-key")
    assert sealing.unseal(config().paths.private_key, bytes(secret.sealed)).decode() == VALUE
    page = harbour("GET", f"{PATH}?show=1").text
    assert "stripe-key" in page
    assert VALUE not in page
    assert VALUE not in str(list(AuditEntry.objects.values()))
    assert send(f"{PATH}secret/unset", {"name": "stripe-key"}).status_code == 302
    secret.refresh_from_db()
    assert secret.unset_at is not None


def test_the_password_of_a_database_is_not_taken_away(send, row):
    queries.add_secret(row, "db.password", b"sealed", actor="havre", generated=True)
    assert send(f"{PATH}secret/unset", {"name": "db.password"}).status_code == 302
    assert send(f"{PATH}secret", {"name": "db.password", "value": VALUE}).status_code == 422
    assert [each.unset_at for each in Secret.objects.filter(name="db.password")] == [None]


def test_a_refused_value_is_not_repeated(send):
    for form in ({"name": "Not A Name", "value": VALUE}, {"name": "x", "value": VALUE * 10_000}):
        answer = send(f"{PATH}secret", form)
        assert answer.status_code == 422
        assert VALUE not in answer.text
    assert not Secret.objects.exclude(generated=True).exists()


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "1X", "value": "a"}, "is not the name of a variable"),
        ({"name": "", "value": "a"}, "is not the name of a variable"),
        ({"name": "X", "value": "a\x00"}, "zero byte"),
        ({"name": "X", "value": "a" * 40_000}, "is longer than 32 KiB"),
        ({"name": "X", "value": "a", "service": "../x"}, "Service"),
        ({"name": "<script>", "value": "a"}, "&lt;script&gt;"),
    ],
)
def test_what_is_wrong_with_a_variable_is_told(send, form, told):
    answer = send(f"{PATH}variable", form)
    assert answer.status_code == 422
    assert told in answer.text
    assert not Variable.objects.exists()


def test_each_look_at_secrets_is_in_the_audit_log(harbour):
    harbour("GET", PATH)
    harbour("GET", PATH)
    entries = AuditEntry.objects.filter(action="read what is known of secrets")
    assert [(each.actor, each.project, each.environment) for each in entries] == [
        ("root", "dropit", "production")
    ] * 2


def test_secrets_that_the_manifest_misses_are_named(send, harbour, row):
    manifests.remember(row.current_release.operation, TEXT)
    assert "names secrets that are not set" in harbour("GET", PATH).text
    send(f"{PATH}secret", {"name": "stripe-key", "value": VALUE})
    assert "names secrets that are not set" not in harbour("GET", PATH).text


@pytest.mark.parametrize("role", list(Role))
def test_who_reads_and_sets_them(harbour, row, role):
    queries.add_secret(row, "stripe-key", b"sealed", actor="lea")
    browser = browser_of("sam", Grants(None, {"dropit": role}))
    may = role.covers(Role.DEVELOPER)
    answer = browser("GET", PATH)
    assert answer.status_code == (200 if may else 403)
    assert ("stripe-key" in answer.text) is may
    for path, form in (("variable", {"name": "X", "value": "1"}), ("secret", {"name": "x", "value": "1"})):
        assert browser.send(PATH + path, form).status_code == (302 if may else 403)
    assert Variable.objects.exists() is may
    assert Secret.objects.filter(name="x").exists() is may
