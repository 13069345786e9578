from __future__ import annotations

import threading
import time

import pytest

from havre.errors import Cancelled
from havre.operations.build_queue import WORKER, BuildQueue


class Builder:
    """Someone who wants to build, in a thread; ends its build when told."""

    def __init__(self, queue: BuildQueue, name: str, number: int = 1) -> None:
        self.told: list[str] = []
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.is_cancelled = False
        self.error: BaseException | None = None
        self._queue, self._name, self._number = queue, name, number
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            with self._queue.turn(
                self._name, number=self._number, tell=self.told.append, checkpoint=self._checkpoint
            ):
                self.has_begun.set()
                self.may_end.wait(30)
        except Cancelled as error:
            self.error = error

    def _checkpoint(self) -> None:
        if self.is_cancelled:
            raise Cancelled("stop")

    def end(self) -> None:
        self.may_end.set()
        self.thread.join(30)


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_one_number_first_come_first_served_and_told_of_it():
    queue = BuildQueue(1)
    first = Builder(queue, "a (operation 1)")
    assert first.has_begun.wait(30)
    second = Builder(queue, "b (operation 2)")
    until(lambda: second.told == ["waits for the build of a (operation 1)"])
    third = Builder(queue, "c (operation 3)")
    until(lambda: third.told == ["waits for the build of a (operation 1); 1 waits before it"])
    assert queue.waiting == 2
    assert not second.has_begun.is_set()
    first.end()
    assert second.has_begun.wait(30)
    assert second.told[-1] == ""
    until(lambda: third.told[-1] == "waits for the build of b (operation 2)")
    assert not third.has_begun.is_set()
    second.end()
    assert third.has_begun.wait(30)
    third.end()
    assert first.told == []
    assert queue.waiting == 0


def test_who_is_cancelled_frees_its_place_in_the_line():
    queue = BuildQueue(1)
    first = Builder(queue, "a")
    assert first.has_begun.wait(30)
    second = Builder(queue, "b")
    until(lambda: bool(second.told))
    third = Builder(queue, "c")
    until(lambda: queue.waiting == 2)
    second.is_cancelled = True
    second.thread.join(30)
    assert isinstance(second.error, Cancelled)
    assert queue.waiting == 1
    first.end()
    assert third.has_begun.wait(30)
    third.end()


def test_a_build_that_fails_frees_its_place():
    queue = BuildQueue(1)
    with pytest.raises(ValueError, match="x"), queue.turn("a", number=1, tell=print, checkpoint=lambda: None):
        raise ValueError("x")
    second = Builder(queue, "b")
    assert second.has_begun.wait(30)
    second.end()


def test_as_many_at_once_as_there_are_slots():
    queue = BuildQueue(2)
    builders = [Builder(queue, name) for name in "ab"]
    assert all(builder.has_begun.wait(30) for builder in builders)
    third = Builder(queue, "c")
    until(lambda: third.told == ["waits for the build of a, b"])
    builders[1].end()
    assert third.has_begun.wait(30)
    for builder in (builders[0], third):
        builder.end()


def test_the_lowest_number_is_the_next_whenever_it_came():
    queue = BuildQueue(1)
    builders = [Builder(queue, "first", 9)]
    assert builders[0].has_begun.wait(30)
    builders.append(Builder(queue, "eight", 8))
    until(lambda: queue.waiting == 1)
    builders.append(Builder(queue, "seven", 7))
    until(lambda: builders[1].told[-1:] == ["waits for the build of first; 1 waits before it"])
    builders[0].end()
    assert builders[2].has_begun.wait(30)
    assert not builders[1].has_begun.is_set()
    builders[2].end()
    assert builders[1].has_begun.wait(30)
    builders[1].end()


def test_who_is_expected_keeps_its_place_until_it_came_or_is_over():
    queue = BuildQueue(1)
    queue.expect([3, 5])
    platform = Builder(queue, "the platform's images", WORKER)  # waits for nobody
    assert platform.has_begun.wait(30)
    platform.end()
    six = Builder(queue, "six", 6)
    until(lambda: six.told == ["waits for the build of operation 3; 1 waits before it"])
    five = Builder(queue, "five", 5)
    until(lambda: five.told == ["waits for the build of operation 3"])
    queue.give_up(3)
    assert five.has_begun.wait(30)
    five.end()
    assert six.has_begun.wait(30)
    six.end()
    assert queue.waiting == 0
