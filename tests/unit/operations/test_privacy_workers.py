"""Processes that work on batches: in order, gathered in the end, and told of what goes wrong."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from havre.errors import ConflictError, HavreError
from havre.operations.privacy.alone import alone, is_under_way
from havre.operations.privacy.workers import Workers


class Doubling:
    """Doubles numbers, and adds up what it was given."""

    def __init__(self) -> None:
        self.sum = 0

    def __call__(self, job: int) -> int:
        if job < 0:
            raise HavreError("no negative numbers", hint="use others")
        self.sum += job
        return 2 * job

    def gathered(self) -> int:
        return self.sum


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_jobs_and_sums_are_whole(count: int) -> None:
    with Workers(Doubling, count) as workers:
        assert list(workers.in_order(range(100))) == [2 * number for number in range(100)]
        assert sum(workers.gathered()) == sum(range(100))


def test_jobs_are_taken_only_as_they_can_be_done() -> None:
    taken = []

    def jobs() -> object:
        for number in range(50):
            taken.append(number)
            yield number

    with Workers(Doubling, 2) as workers:
        results = workers.in_order(jobs())  # type: ignore[arg-type]
        next(results)
        assert len(taken) <= 3


def test_large_batches_go_through() -> None:
    class Same:
        def __call__(self, job: bytes) -> bytes:
            return job

        def gathered(self) -> None:
            return None

    batches = [bytes([number]) * 3_000_000 for number in range(6)]
    with Workers(Same, 2) as workers:
        assert list(workers.in_order(batches)) == batches


def test_what_a_job_raises_is_raised_here() -> None:
    with Workers(Doubling, 2) as workers, pytest.raises(HavreError, match="no negative") as caught:
        list(workers.in_order([1, -1, 2]))
    assert caught.value.hint == "use others"


def test_what_the_work_needs_and_cannot_have_is_raised_here() -> None:
    def fails() -> Doubling:
        raise HavreError("no pool")

    with Workers(fails, 2) as workers, pytest.raises(HavreError, match="no pool"):
        list(workers.in_order([1]))


def test_a_process_that_dies_is_noticed() -> None:
    class Dying(Doubling):
        def __call__(self, job: int) -> int:
            os.kill(os.getpid(), signal.SIGKILL)
            return job

    with Workers(Dying, 2) as workers, pytest.raises(HavreError, match="has ended"):
        list(workers.in_order([1, 2, 3]))


def test_one_copy_at_a_time(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert not is_under_way(state)
    with alone(state):
        assert is_under_way(state)
        with pytest.raises(ConflictError), alone(state):
            pass
    assert not is_under_way(state)
