"""``drill`` in havre.yaml: checks, and which service they ask."""

from __future__ import annotations

import pytest

from havre.manifest import load
from support.manifests import app, problems


def drill(checks: str) -> str:
    return app("domain: p.localhost", rest=f"drill: {{checks: [{checks}]}}\n")


def test_a_check_asks_the_only_service_there_is_for_it_unless_it_names_one() -> None:
    spec = load(drill("{sql: SELECT true}, {http: /up}")).for_environment("production")
    assert [(c.sql, c.http, c.status) for c in spec.drill.checks] == [
        ("SELECT true", None, 200),
        (None, "/up", 200),
    ]
    assert load(drill("{http: /up, service: api}")).drill.checks[0].service == "api"


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ("{sql: SELECT true, http: /up}", "either sql or http"),
        ("{service: api}", "either sql or http"),
        ("{sql: DELETE FROM member}", "no question"),
        ("{sql: '\\! rm -rf /'}", "no question"),
        ("{sql: SELECT 1, contains: x}", "says contains"),
        ("{sql: SELECT true, service: api}", "which is no database"),
        ("{http: /up, service: db}", "which is no service with a port"),
        ("{http: up}", ""),
        ("{http: /up, status: 99}", ""),
    ],
)
def test_what_a_check_cannot_be(check: str, told: str) -> None:
    found = problems(drill(check))
    assert found
    assert told in found[0].message


def test_where_there_are_several_databases_a_check_names_one() -> None:
    text = "project: p\nservices:\n  a: {kind: postgres}\n  b: {kind: postgres}\n"
    (found,) = problems(f"{text}drill: {{checks: [{{sql: SELECT true}}]}}\n")
    assert "does not say which database (kind: postgres) is asked, and there are 2" in found.message


def test_the_schedule_is_switched_off_by_a_word() -> None:
    assert load(app(rest="drill: false\n")).drill.enabled is False
    assert load(app()).for_environment("production").drill.enabled is True
