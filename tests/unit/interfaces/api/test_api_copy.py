"""Copying the settings of one environment into another."""

from __future__ import annotations

from typing import Any

import pytest

from havre.adapters import sealing
from havre.config import config
from havre.records import queries
from havre.records.models import Environment, Secret, Variable

API = "/api/v1/environments/shop"


@pytest.fixture
def production(ask: Any) -> Environment:
    """An environment with two variables, a secret, and a database's password."""
    ask("PUT", f"{API}/production/variables", {"values": {"LEVEL": "debug"}})
    ask("PUT", f"{API}/production/variables", {"service": "api", "values": {"LEVEL": "info"}})
    ask("PUT", f"{API}/production/secrets/smtp", {"value": "hunter2"})
    row = queries.environment_named("shop", "production")
    queries.add_secret(row, "db.password", b"sealed", actor="havre", generated=True)
    return row


def copy(ask: Any, target: str, **wanted: Any) -> Any:
    return ask("POST", f"{API}/{target}/copy", {"source": "production", "secrets": True, **wanted})


def test_variables_and_secrets_are_copied_and_passwords_of_databases_never(
    ask: Any, production: Environment
) -> None:
    expected = [
        ("variable", "", "LEVEL", "create"),
        ("variable", "api", "LEVEL", "create"),
        ("secret", "", "smtp", "create"),
    ]
    dry = copy(ask, "staging", dry_run=True).json()
    assert [tuple(row.values()) for row in dry] == expected
    assert not Environment.objects.filter(name="staging").exists()
    assert copy(ask, "staging").json() == dry
    staging = queries.environment_named("shop", "staging")
    assert {(v.service, v.value) for v in staging.variables.all()} == {("", "debug"), ("api", "info")}
    (secret,) = Secret.objects.filter(environment=staging)
    assert sealing.unseal(config().paths.private_key, bytes(secret.sealed)) == b"hunter2"
    assert {row["outcome"] for row in copy(ask, "staging").json()} == {"same"}


def test_secrets_stay_where_they_are_unless_asked_for(ask: Any, production: Environment) -> None:
    assert copy(ask, "staging", secrets=False).status_code == 200
    assert not Secret.objects.filter(environment__name="staging").exists()


def test_other_values_are_overwritten_only_if_that_is_allowed(ask: Any, production: Environment) -> None:
    ask("PUT", f"{API}/staging/variables", {"values": {"LEVEL": "warning", "OWN": "1"}})
    refused = copy(ask, "staging")
    assert refused.status_code == 409
    assert "LEVEL" in refused.json()["detail"]
    assert Variable.objects.get(environment__name="staging", name="LEVEL").value == "warning"
    assert copy(ask, "staging", overwrite=True).status_code == 200
    found = {v.name: v.value for v in Variable.objects.filter(environment__name="staging", service="")}
    assert found == {"LEVEL": "debug", "OWN": "1"}


def test_a_protected_environment_is_copied_into_only_by_its_name(ask: Any, production: Environment) -> None:
    ask("PUT", f"{API}/staging/variables", {"values": {"NEW": "1"}})
    wanted = {"source": "staging"}
    refused = ask("POST", f"{API}/production/copy", wanted)
    assert refused.status_code == 422
    assert "shop-production" in refused.json()["hint"]
    assert ask("POST", f"{API}/production/copy", {**wanted, "dry_run": True}).status_code == 200
    assert ask("POST", f"{API}/production/copy", {**wanted, "confirm": "shop-production"}).status_code == 200
    assert Variable.objects.filter(environment=production, name="NEW").exists()


def test_an_environment_is_not_copied_into_itself(ask: Any, production: Environment) -> None:
    assert copy(ask, "production", confirm="shop-production").status_code == 422
    assert ask("POST", f"{API}/staging/copy", {"source": "nowhere"}).status_code == 404
