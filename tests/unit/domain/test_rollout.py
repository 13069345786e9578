"""Decisions of a rollout, by value."""

from __future__ import annotations

import dataclasses

import pytest

from havre.domain import rollout
from havre.domain.rollout import (
    Beginning,
    Move,
    Readiness,
    Replacement,
    beginning,
    cleanup,
    judge,
    next_move,
    replacements,
    victims,
    why_it_ended,
)
from havre.domain.snapshot import Service, Task


def task(name: str, state: str = "running", desired: str = "running", **more: object) -> Task:
    base = Task(id=name, service="s", slot=1, state=state, desired=desired)
    return dataclasses.replace(base, **more)


def test_what_changed_starts_anew_and_the_rest_is_carried_over() -> None:
    wanted = {"api": ("p-e-api-r2", "new"), "web": ("p-e-web-r2", "same")}
    serving = {"api": ("p-e-api-r1", "old"), "web": ("p-e-web-r1", "same")}
    assert replacements(wanted, serving) == (
        Replacement("api", "p-e-api-r2", is_new=True),
        Replacement("web", "p-e-web-r1", is_new=False),
    )


def test_force_starts_anew_what_did_not_change() -> None:
    wanted = {"web": ("p-e-web-r2", "same")}
    serving = {"web": ("p-e-web-r1", "same")}
    assert replacements(wanted, serving, force=frozenset({"web"})) == (
        Replacement("web", "p-e-web-r2", is_new=True),
    )


def test_the_first_release_starts_everything() -> None:
    assert replacements({"web": ("p-e-web-r1", "x")}, {}) == (Replacement("web", "p-e-web-r1", is_new=True),)


def there(replicas: int, *states: str, spec: str = "same") -> Service:
    tasks = tuple(task(f"t{at}", state) for at, state in enumerate(states))
    return Service("id", "p-e-web-r1", (("havre.spec", spec),), "image", replicas, tasks)


@pytest.mark.parametrize(
    ("service", "needs"),
    [
        (None, Beginning.ITSELF),
        (there(2, "running", "running"), Beginning.NOTHING),
        (there(2, "running", "starting"), Beginning.PATIENCE),
        (there(3, "running", "running", "running"), Beginning.TASKS),
        (there(1, "running"), Beginning.TASKS),
        (there(0), Beginning.ITSELF),
        (there(2, "starting", "starting"), Beginning.ITSELF),
        (there(2, "running", "running", spec="another"), Beginning.ITSELF),
        (there(3, "running", "running", "running", spec="another"), Beginning.ITSELF),
    ],
)
def test_what_a_service_needs_to_run_as_wanted(service: Service | None, needs: Beginning) -> None:
    assert beginning(service, replicas=2, fingerprint="same") is needs


def verdict(tasks: list[Task], passes: dict[str, int], elapsed: float = 1, replicas: int = 2):
    return judge(tasks, replicas=replicas, passes=passes, elapsed=elapsed, patience=60).readiness


def test_ready_when_every_replica_answered_twice() -> None:
    both = [task("a"), task("b")]
    assert verdict(both, {"a": 2, "b": 2}) is Readiness.READY
    assert verdict(both, {"a": 2, "b": 1}) is Readiness.WAITING
    assert verdict(both, {"a": 5}) is Readiness.WAITING


def test_a_task_that_answered_and_is_going_down_does_not_count() -> None:
    tasks = [task("a"), task("b", desired="shutdown")]
    assert verdict(tasks, {"a": 2, "b": 2}) is Readiness.WAITING


@pytest.mark.parametrize("state", ["failed", "rejected", "complete"])
def test_the_third_dead_task_fails_it_at_once(state: str) -> None:
    dead = [task(str(n), state, "shutdown", exit_code=1) for n in range(3)]
    assert verdict(dead[:2], {}) is Readiness.WAITING
    failed = judge(dead, replicas=1, passes={}, elapsed=1, patience=60)
    assert failed.readiness is Readiness.FAILED
    assert failed.culprit == dead[0]


def test_patience_ends_and_the_silent_task_is_the_culprit() -> None:
    good, silent = task("a"), task("b")
    failed = judge([good, silent], replicas=2, passes={"a": 2}, elapsed=61, patience=60)
    assert failed.readiness is Readiness.FAILED
    assert failed.culprit == silent
    assert failed.reason == "1 of 2 tasks were ready after 60 s"


def service(name: str, replicas: int) -> Service:
    return Service(id=name, name=name, labels=(), image="i", replicas=replicas)


def test_cleanup_stops_the_rollback_target_and_removes_what_is_older() -> None:
    existing = [service("r3", 2), service("r2", 2), service("r1", 0)]
    assert cleanup(existing, serving=frozenset({"r3"}), kept=frozenset({"r2"})) == rollout.Cleanup(
        stop=("r2",), remove=("r1",)
    )


def test_cleanup_leaves_a_stopped_target_alone() -> None:
    assert cleanup([service("r2", 0)], serving=frozenset(), kept=frozenset({"r2"})) == rollout.Cleanup((), ())


OUT_OF_MEMORY = "it was killed because it ran out of memory (limit 64 MiB)"
ENDED_WELL = "it exited with code 0, though a service has to go on running"


@pytest.mark.parametrize(
    ("ended", "out_of_memory", "words"),
    [
        (task("a", "failed", exit_code=3), False, "it exited with code 3"),
        (task("a", "failed", exit_code=137), True, OUT_OF_MEMORY),
        (task("a", "complete", exit_code=0), False, ENDED_WELL),
        (task("a", "rejected", error="No such image: x"), False, "No such image: x"),
        (task("a", "pending", message="no suitable node"), False, "no suitable node"),
    ],
)  # fmt: skip
def test_an_end_in_words(ended: Task, *, out_of_memory: bool, words: str) -> None:
    assert why_it_ended(ended, out_of_memory=out_of_memory, memory_limit=64 * 2**20) == words


@pytest.mark.parametrize(
    ("old", "wanted", "step"),
    [(3, 3, 1), (3, 3, 2), (1, 1, 1), (5, 2, 1), (2, 5, 2), (4, 4, 10), (10, 1, 3), (0, 2, 1)],
)
def test_a_rolling_update_keeps_within_its_bounds_and_ends(old: int, wanted: int, step: int) -> None:
    ceiling = max(old, wanted) + step
    least = min(old, wanted)
    new = min(step, wanted)
    for _ in range(100):
        assert old + new <= ceiling
        assert old + new >= least
        move, count = next_move(old=old, new=new, wanted=wanted, step=step, ceiling=ceiling)
        if move is Move.DONE:
            break
        assert 0 < count <= step
        old, new = (old, new + count) if move is Move.ADD else (old - count, new)
    assert (old, new) == (0, wanted)


def test_a_rolling_update_adds_before_it_retires() -> None:
    moves = []
    old, new = 3, 1
    while True:
        move, count = next_move(old=old, new=new, wanted=3, step=1, ceiling=4)
        if move is Move.DONE:
            break
        moves.append(str(move))
        old, new = (old, new + count) if move is Move.ADD else (old - count, new)
    assert moves == ["retire", "add", "retire", "add", "retire"]


def test_the_tasks_that_go_first_are_those_of_no_use() -> None:
    young, old = task("young"), task("old")
    sick, starting, leaving = task("sick"), task("starting", "starting"), task("leaving")
    gone = task("gone", "shutdown", "shutdown")
    tasks = [young, leaving, starting, sick, gone, old]  # newest first, as snapshots have them
    serving = frozenset({"young", "old", "leaving"})

    def chosen(count: int) -> list[str]:
        return [t.id for t in victims(tasks, count, leaving=frozenset({"leaving"}), serving=serving)]

    assert chosen(1) == ["leaving"]
    assert chosen(4) == ["leaving", "sick", "starting", "old"]
    assert chosen(9) == ["leaving", "sick", "starting", "old", "young"]
