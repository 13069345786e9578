"""Which digest a commit's image has, from the releases that served."""

from __future__ import annotations

import pytest

from havre.records import queries
from havre.records.models import Environment

pytestmark = pytest.mark.django_db
COMMIT = "c" * 40


def release(environment: Environment, digest: str, *, commit: str = COMMIT, served: bool = True) -> None:
    operation = queries.enqueue("deploy", environment, {}, actor="ada")
    made = queries.new_release(
        environment,
        operation,
        commit=commit,
        spec={"services": {"api": {"image": {"name": "team/api:1"}}, "web": {}}},
        images={"api": f"team/api@{digest}", "web": "sha256:1"},
    )
    if served:
        queries.go_live(made)


def test_a_tag_is_what_it_was_when_the_commit_served() -> None:
    shop = queries.ensure_environment("shop", "production", source="x")

    def resolved(name: str = "team/api:1", commit: str = COMMIT, service: str = "api") -> str | None:
        return queries.resolved_image(shop, commit, service, name)

    release(shop, "failed", served=False)
    assert resolved() is None
    release(shop, "first")
    release(shop, "other", commit="d" * 40)
    assert resolved() == "team/api@first"
    assert resolved(commit="d" * 40) == "team/api@other"
    assert resolved(name="team/api:2") is None
    assert resolved(service="web") is None


def test_what_staging_tried_is_what_production_gets_unless_it_has_its_own() -> None:
    shop = queries.ensure_environment("shop", "production", source="x")
    staging = queries.ensure_environment("shop", "staging", source="x")
    release(queries.ensure_environment("other", "production", source="x"), "foreign")
    assert queries.resolved_image(shop, COMMIT, "api", "team/api:1") is None
    release(staging, "tried")
    assert queries.resolved_image(shop, COMMIT, "api", "team/api:1") == "team/api@tried"
    release(shop, "own")
    release(staging, "later")
    assert queries.resolved_image(shop, COMMIT, "api", "team/api:1") == "team/api@own"
