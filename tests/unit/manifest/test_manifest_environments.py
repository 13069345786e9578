"""Environments: what is merged, what is refused, what a release stores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from havre.errors import UsageError
from havre.manifest import EnvironmentSpec, SecretReference, load
from support.manifests import DESIGN, app, problem, problems

BASE = """
domain: a.example.org
replicas: 3
env: {A: a, B: b, S: {secret: one}}
volumes: ['v:/v']
resources: {limits: {cpus: 1, memory: 1G}}
"""


def staging(lines: str, base: str = BASE) -> str:
    """A manifest whose staging says ``api: {lines}``; its line is the last one."""
    rest = "environments:\n  production: {branch: main}\n  staging:\n    branch: develop\n    services:\n"
    return app(base, rest=f"{rest}      api: {{{lines}}}\n")


def merged(lines: str, base: str = BASE) -> Any:
    return load(staging(lines, base)).for_environment("staging").services["api"]


OTHER = "domain: b.example.org"


def test_without_environments_there_is_production() -> None:
    manifest = load(app())
    assert list(manifest.environments) == ["production"]
    spec = manifest.for_environment("production")
    assert (spec.branch, spec.protected) == ("main", True)


def test_an_unknown_environment_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        load(staging(OTHER)).for_environment("stagin")
    assert caught.value.message == "p has no environment 'stagin'; havre.yaml knows production, staging"
    assert caught.value.hint == "did you mean staging?"


def test_an_environment_that_resembles_none() -> None:
    with pytest.raises(UsageError) as caught:
        load(app()).for_environment("x")
    assert caught.value.hint == "add it under environments in havre.yaml"


def test_what_is_not_overridden_stays() -> None:
    service = merged(OTHER)
    assert service.replicas == 3
    assert service.env == {"A": "a", "B": "b", "S": SecretReference(secret="one")}
    assert service.strategy.kind == "recreate"
    assert service.health.path == "/up"
    assert [domain.host for domain in service.domains] == ["b.example.org"]


def test_a_strategy_of_another_kind_replaces_the_whole() -> None:
    base = "domain: a.org\nstrategy: {kind: canary, weights: [10], pause: 1m}"
    assert merged(f"{OTHER}, strategy: {{kind: rolling, step: 2}}", base).strategy.step == 2
    assert merged(f"{OTHER}, strategy: recreate", base).strategy.kind == "recreate"
    assert merged(f"{OTHER}, strategy: {{pause: 5s}}", base).strategy.weights == (10,)


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    service = merged(f"{OTHER}, replicas: 1, env: {{B: x, C: 1, S: {{secret: two}}}}, volumes: ['w:/w']")
    assert service.replicas == 1
    assert service.env == {"A": "a", "B": "x", "C": "1", "S": SecretReference(secret="two")}
    assert [volume.name for volume in service.volumes] == ["w"]


def test_a_secret_can_become_text_and_back() -> None:
    service = merged(f"{OTHER}, env: {{S: text, A: {{secret: a}}}}")
    assert (service.env["S"], service.env["A"]) == ("text", SecretReference(secret="a"))


def test_deep_parts_are_merged() -> None:
    service = merged(f"{OTHER}, health: {{interval: 5s}}, resources: {{limits: {{cpus: 0.5}}}}")
    assert (service.health.path, service.health.interval) == ("/up", 5.0)
    assert (service.resources.limits.cpus, service.resources.limits.memory) == (0.5, 1024**3)


def test_null_removes() -> None:
    service = merged("domain: null, env: {A: null}, volumes: null")
    assert service.domains == ()
    assert "A" not in service.env
    assert service.strategy.kind == "side-by-side"


def test_domains_replace_domain_and_the_other_way_round() -> None:
    assert [d.host for d in merged("domains: [{host: c.org}, {host: d.org}]").domains] == ["c.org", "d.org"]
    base = "domains: [{host: c.org}, {host: d.org}]"
    assert [d.host for d in merged(OTHER, base).domains] == ["b.example.org"]


def test_the_short_form_of_build_replaces_the_context_only() -> None:
    service = merged(f"{OTHER}, build: sub", "build: {dockerfile: D}\ndomain: a.org")
    assert (service.build.context, service.build.dockerfile) == ("sub", "D")


def test_production_is_not_touched_by_staging() -> None:
    manifest = load(staging(f"{OTHER}, replicas: 1"))
    assert manifest.for_environment("production").services["api"] == manifest.services["api"]
    assert manifest.for_environment("production").services["api"].replicas == 3


def test_only_production_is_protected_unless_said_otherwise() -> None:
    rest = "environments: {production: {protected: false}, staging: {protected: true}, other: {}}\n"
    manifest = load(app(rest=rest))
    given = {name: manifest.for_environment(name).protected for name in manifest.environments}
    assert given == {"production": False, "staging": True, "other": False}
    assert manifest.for_environment("other").branch is None


def test_an_error_in_an_override_stands_where_it_is_written() -> None:
    found = problem(staging(f"{OTHER}, replicas: two"))
    assert (found.path, found.line) == ("environments.staging.services.api.replicas", 18)
    assert found.message == 'got "two", expected a whole number'


def test_overrides_follow_the_whole_schema() -> None:
    found = problems(staging("domain: B.org, repicas: 1, health: up, env: {X: '${dbb.url}'}, drain: 5"))
    prefix = "environments.staging.services.api"
    assert {(p.path, p.hint.partition(":")[0]) for p in found} == {
        (f"{prefix}.domain", "write it in lower case"),
        (f"{prefix}.repicas", "did you mean replicas?"),
        (f"{prefix}.health", "begin with a slash and use letters, digits and . _ ~ - @ % + , "),
        (f"{prefix}.env.X", "did you mean db?"),
        (f"{prefix}.drain", "write 5s for seconds"),
    }


def test_an_error_in_the_common_part_is_told_once() -> None:
    found = problem(staging(OTHER, "domain: a.org\nreplicas: two"))
    assert found.path == "services.api.replicas"
    found = problem(staging(OTHER, "domain: a.org\nenv: {X: '${dbb.url}'}"))
    assert (found.path, "(in" in found.message) == ("services.api.env.X", False)


def test_what_only_fails_in_one_environment_says_so() -> None:
    found = problem(staging("domain: null", "domain: a.org\nenv: {X: '${api.public_url}'}"))
    assert found.path == "services.api.env.X"
    assert found.message == "${api.public_url} asks for a domain, but api has none (in staging)"
    found = problem(staging("volumes: ['v:/v']", "strategy: side-by-side"))
    assert found.path == "services.api.strategy"
    assert found.message.endswith("(in staging)")


def test_removing_what_is_needed_is_refused_where_it_is_removed() -> None:
    found = problem(staging(f"{OTHER}, health: null"))
    assert (found.path, found.line) == ("environments.staging.services.api.health", 18)


def test_a_domain_may_be_given_by_environments_only() -> None:
    rest = "environments:\n"
    for name in ("production", "staging"):
        rest += f"  {name}: {{services: {{api: {{domain: {name}.org}}}}}}\n"
    manifest = load(app("env: {U: '${api.public_url}'}", rest=rest))
    assert manifest.for_environment("staging").services["api"].domain == "staging.org"


def test_two_environments_must_not_claim_one_host() -> None:
    found = problem(staging("replicas: 1"))
    assert found.path == "services.api.domain"
    assert (
        found.message
        == "claims a.example.org/, which leads to the environment production already (in staging)"
    )
    assert "environments.staging.services" in found.hint


def test_a_service_that_does_not_exist_cannot_be_overridden() -> None:
    found = problem(
        staging(OTHER).replace("      api:", "      apii:").replace("domain: a.example.org\n", "\n")
    )
    assert (found.path, found.message) == ("environments.staging.services.apii", "is not one of the services")
    assert found.hint == "did you mean api?"


def test_the_kind_cannot_be_overridden() -> None:
    found = problem(staging(f"{OTHER}, kind: static"))
    assert (found.path, found.message) == (
        "environments.staging.services.api.kind",
        "is app in all environments",
    )
    assert merged(f"{OTHER}, kind: app").replicas == 3


@pytest.mark.parametrize(
    "branch", ["-x", "a..b", "a b", "''", "a.lock", "a/", "/a", "a~1", "a^", "a:b", "a//b", "a@{1}"]
)
def test_wrong_branches(branch: str) -> None:
    found = problem(app(rest=f"environments: {{production: {{branch: '{branch.strip(chr(39))}'}}}}\n"))
    assert found.path == "environments.production.branch"


@pytest.mark.parametrize("branch", ["main", "feature/x-1", "v1.2", "release_3", "a@b", "user#1"])
def test_branches(branch: str) -> None:
    manifest = load(app(rest=f"environments: {{production: {{branch: '{branch}'}}}}\n"))
    assert manifest.for_environment("production").branch == branch


@pytest.mark.parametrize("written", ["{}", "[]", "null", "x", "{A: {}}", "{x: null}", "{x: {services: []}}"])
def test_wrong_environments(written: str) -> None:
    assert problem(app(rest=f"environments: {written}\n")).path.startswith("environments")


def test_backup_is_recorded() -> None:
    backup = load(DESIGN).backup
    assert backup is not None
    assert backup.model_dump() == {
        "daily": "03:00",
        "local": {"daily": 7, "weekly": 0, "monthly": 0},
        "offsite": {"daily": 30, "weekly": 9, "monthly": 12},
        "verify": {"enabled": True, "schedule": "0 5 * * 6", "timezone": "UTC"},
        "rpo": "1h",
        "rto": "4h",
        "on_failure": None,
    }
    assert backup.rpo == 3600.0
    written = load(app(rest="backup: {local: {daily: 3, weekly: 2}, offsite: 60d}\n")).backup
    assert written is not None
    assert str(written.local.retention) == "3 days, 2 weeks"
    assert str(written.offsite.retention) == "60 days, 9 weeks, 12 months"
    assert load(app()).backup is None


@pytest.mark.parametrize(
    "written",
    [
        "{daily: 3}",
        "{daily: 24:00}",
        "{local: 7}",
        "{local: 36h}",
        "{offsite: {daily: 0}}",
        "{rpo: 0s}",
        "{rpoo: 1h}",
        "x",
    ],
)
def test_wrong_backups(written: str) -> None:
    assert problem(app(rest=f"backup: {written}\n")).path.startswith("backup")


@pytest.mark.parametrize("name", ["production", "staging"])
def test_a_release_can_store_what_is_to_run(name: str) -> None:
    spec = load(staging(f"{OTHER}, health: {{interval: 250ms}}, max_body: 1000B")).for_environment(name)
    stored = json.loads(json.dumps(spec.model_dump(mode="json")))
    assert EnvironmentSpec.model_validate(stored) == spec
    assert EnvironmentSpec.model_validate_json(spec.model_dump_json()) == spec


def test_values_are_frozen() -> None:
    spec = load(DESIGN).for_environment("production")
    with pytest.raises(ValidationError):
        spec.branch = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        spec.services["api"].replicas = 5  # type: ignore[misc]
