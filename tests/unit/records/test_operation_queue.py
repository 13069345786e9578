"""Claiming, taking over and cancelling operations; numbering releases."""

from __future__ import annotations

import pytest

from havre.errors import ConflictError, UsageError
from havre.records import queries
from havre.records.models import Environment, Operation, Release, Step

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Environment:
    return queries.ensure_environment("shop", "production", source="/srv/shop")


def enqueue(environment: Environment) -> Operation:
    return queries.enqueue("deploy", environment, {}, actor="ada")


def test_one_operation_per_environment_at_a_time(shop: Environment) -> None:
    first, second = enqueue(shop), enqueue(shop)
    assert queries.claim("w") == first
    assert queries.claim("w") is None
    queries.finish(first, Operation.State.SUCCEEDED)
    assert queries.claim("w") == second


def test_environments_do_not_wait_for_each_other(shop: Environment) -> None:
    staging = queries.ensure_environment("shop", "staging", source="/srv/shop")
    first, second = enqueue(shop), enqueue(staging)
    assert [queries.claim("w"), queries.claim("w")] == [first, second]


def test_an_interrupted_operation_is_taken_over_once(shop: Environment) -> None:
    operation = enqueue(shop)
    queries.claim("dead")
    taken = queries.take_over("alive")
    assert [(o.pk, o.attempt, o.worker) for o in taken] == [(operation.pk, 2, "alive")]
    assert queries.take_over("alive") == []


def test_what_was_interrupted_in_a_step(shop: Environment) -> None:
    staging = queries.ensure_environment("shop", "staging", source="/srv/shop")
    begun, ended, other = enqueue(shop), enqueue(shop), enqueue(staging)
    running, done = Step.State.RUNNING, Step.State.DONE
    for operation, name, state in (
        (begun, "source", done),
        (begun, "build", running),
        (ended, "build", done),
        (other, "build", running),
    ):
        Step.objects.create(operation=operation, name=name, position=0, title=name, state=state)
    assert queries.in_step("build", [other, ended, begun]) == [begun.pk, other.pk]


def test_cancelling(shop: Environment) -> None:
    queued = enqueue(shop)
    queries.request_cancel(queued)
    queued.refresh_from_db()
    assert queued.state == Operation.State.CANCELLED
    assert queries.events_after(queued.pk, 0)[-1].kind == "outcome"
    with pytest.raises(ConflictError):
        queries.request_cancel(queued)
    running = enqueue(shop)
    queries.claim("w")
    queries.request_cancel(running)
    running.refresh_from_db()
    assert (running.state, running.cancel_requested) == (Operation.State.RUNNING, True)


def release(shop: Environment, number: int) -> Release:
    made = queries.new_release(shop, enqueue(shop), commit=str(number))
    assert made.number == number
    return made


def test_releases_count_up_and_a_draft_is_found_again(shop: Environment) -> None:
    operation = enqueue(shop)
    draft = queries.new_release(shop, operation, commit="a")
    assert queries.new_release(shop, operation, commit="b") == draft
    assert queries.new_release(shop, enqueue(shop)).number == 2


def test_a_rollback_returns_to_the_newest_release_that_served(shop: Environment) -> None:
    first, failed, third = release(shop, 1), release(shop, 2), release(shop, 3)
    queries.go_live(first)
    Release.objects.filter(pk=failed.pk).update(state=Release.State.FAILED)
    queries.go_live(third)
    shop.refresh_from_db()
    assert queries.previous_release(shop) == first
    assert queries.release_numbered(shop, 1).state == Release.State.SUPERSEDED
    with pytest.raises(UsageError, match="no release 2 that served"):
        queries.release_numbered(shop, 2)
    assert Release.objects.filter(state=Release.State.LIVE).get() == third


def test_names_that_would_collide_in_the_engine_are_refused(shop: Environment) -> None:
    queries.ensure_environment("shop-eu", "production", source="x")
    with pytest.raises(ConflictError, match="share its names"):
        queries.ensure_environment("shop", "eu-production", source="x")


def test_the_newest_version_of_a_secret_counts_unless_it_was_unset(shop: Environment) -> None:
    queries.add_secret(shop, "token", b"1", actor="ada")
    second = queries.add_secret(shop, "token", b"2", actor="ada")
    assert queries.current_secrets(shop) == {"token": second}
    second.unset_at = second.created_at
    second.save()
    assert queries.current_secrets(shop) == {}


def test_an_unknown_environment_names_the_known_ones(shop: Environment) -> None:
    with pytest.raises(UsageError) as raised:
        queries.environment_named("shop", "prod")
    assert "shop/production" in raised.value.hint


@pytest.mark.parametrize("name", ["production-2", "production-eu"])
def test_an_environment_that_begins_with_another_is_refused(shop: Environment, name: str) -> None:
    with pytest.raises(ConflictError, match="share its names"):
        queries.ensure_environment("shop", name, source="x")
    assert queries.ensure_environment("shop", "production2", source="x")


def command(environment: Environment, kind: str = "run") -> Operation:
    return queries.enqueue(kind, environment, {}, actor="ada")


def test_commands_run_beside_operations_and_each_other(shop: Environment) -> None:
    deployment, first, second = enqueue(shop), command(shop), command(shop, "cron")
    assert queries.claim("w") == deployment
    assert [queries.claim("w", commands=True), queries.claim("w", commands=True)] == [first, second]
    assert queries.claim("w", commands=True) is None
    queries.finish(deployment, Operation.State.SUCCEEDED)
    following = enqueue(shop)
    assert queries.claim("w") == following, "running commands do not hold up a deployment"


def test_one_drill_runs_at_a_time_whatever_its_environment(shop: Environment) -> None:
    staging = queries.ensure_environment("shop", "staging", source="/srv/shop")
    first, second, third = (queries.enqueue("drill", each, {}, actor="a") for each in (shop, staging, shop))
    beside = queries.enqueue("backup", shop, {}, actor="a")
    assert [queries.claim("w", commands=True) for _ in range(3)] == [first, beside, None]
    queries.finish(first, Operation.State.FAILED)
    assert queries.claim("w", commands=True) == second
    assert queries.claim("w", commands=True) is None
    queries.finish(second, Operation.State.SUCCEEDED)
    assert queries.claim("w", commands=True) == third


def test_destroying_cancels_commands_and_waits_for_them_as_they_for_it(shop: Environment) -> None:
    running, waiting = command(shop), command(shop)
    queries.claim("w", commands=True)
    destroy = queries.enqueue("destroy", shop, {}, actor="ada")
    running.refresh_from_db()
    waiting.refresh_from_db()
    assert running.cancel_requested
    assert waiting.state == Operation.State.CANCELLED
    late = command(shop)
    assert queries.claim("w") is None
    assert queries.claim("w", commands=True) is None
    queries.finish(running, Operation.State.CANCELLED)
    assert queries.claim("w") == destroy
    assert queries.claim("w", commands=True) is None
    queries.finish(destroy, Operation.State.FAILED)
    assert queries.claim("w", commands=True) == late


def test_output_and_the_place_reached_are_stored_together_and_bounded(
    shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "KEPT_LINES", 3)
    operation = command(shop)
    for number in range(5):
        queries.record_output(operation, [("stdout", str(number))], {"read": number})
    kept = [event.data["line"] for event in queries.events_after(operation.pk, 0)]
    assert kept == ["2", "3", "4"]
    operation.refresh_from_db()
    assert operation.result == {"read": 4}


def test_old_commands_are_forgotten_and_none_under_way(
    shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "KEPT_COMMANDS", 2)
    waiting, deployment = command(shop), enqueue(shop)
    for _ in range(4):
        queries.finish(command(shop), Operation.State.SUCCEEDED)
    last = command(shop)
    left = set(Operation.objects.values_list("pk", flat=True))
    assert len(left) == 5
    assert {waiting.pk, deployment.pk, last.pk} < left
