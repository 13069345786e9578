"""Decisions of a rollout: what is replaced, whether a candidate may serve, what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from havre.domain import naming
from havre.domain.snapshot import Service, Task

PASSES_WANTED: Final = 2
"""Good answers in a row before a task may serve: one may be luck during a start."""

FAILURES_ALLOWED: Final = 2
"""Tasks of a candidate that may die before it is given up: a database may just be restarting."""

STEADY_SECONDS: Final = 3.0
"""How long a task without a port has to run before it counts as started."""


@dataclass(frozen=True)
class Replacement:
    """What a release does with one service."""

    service: str
    swarm_service: str
    is_new: bool


def replacements(
    wanted: Mapping[str, tuple[str, str]],
    serving: Mapping[str, tuple[str, str]],
    *,
    force: frozenset[str] = frozenset(),
) -> tuple[Replacement, ...]:
    """Which services start anew, and which go on as they are because nothing about them changed.

    Args:
        wanted: by service, the Swarm name it would get and its fingerprint.
        serving: by service, the Swarm name that serves now and its fingerprint.
        force: services that start anew in any case.
    """
    result = []
    for service, (name, fingerprint) in wanted.items():
        serving_name, serving_fingerprint = serving.get(service, ("", ""))
        carried = serving_fingerprint == fingerprint and service not in force
        result.append(Replacement(service, serving_name if carried else name, not carried))
    return tuple(result)


class Beginning(StrEnum):
    """What a service needs so that a release can start it."""

    NOTHING = "nothing"
    """It runs as it is wanted."""
    PATIENCE = "patience"
    """It is as it is wanted, and its tasks are still starting."""
    TASKS = "tasks"
    """Only their number differs."""
    ITSELF = "itself"
    """It is not there, stands by, where somebody may have changed it by hand, or is another one."""


def beginning(service: Service | None, *, replicas: int, fingerprint: str) -> Beginning:
    """What to do about a service that a release wants.

    Args:
        service: what the engine has under its name, None if nothing.
        replicas: how many tasks it is to have now.
        fingerprint: of the workload that is wanted.
    """
    if service is None or not service.running or service.label(naming.SPEC) != fingerprint:
        return Beginning.ITSELF
    if service.replicas != replicas:
        return Beginning.TASKS
    return Beginning.NOTHING if len(service.running) >= replicas else Beginning.PATIENCE


class Readiness(StrEnum):
    """What the gate says of a candidate."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """The gate's word on a candidate, and the task that explains a failure."""

    readiness: Readiness
    reason: str = ""
    culprit: Task | None = None


def judge(
    tasks: Sequence[Task],
    *,
    replicas: int,
    passes: Mapping[str, int],
    elapsed: float,
    patience: float,
) -> Verdict:
    """Whether a candidate may serve.

    Args:
        tasks: the candidate's tasks, newest first, also those that ended.
        replicas: how many have to be good.
        passes: good answers in a row, by task id.
        elapsed: seconds since the candidate was started.
        patience: seconds after which a candidate that is not ready has failed.
    """
    ended = [task for task in tasks if task.has_failed or task.state == "complete"]
    if len(ended) > FAILURES_ALLOWED:
        return Verdict(Readiness.FAILED, f"{len(ended)} of its tasks ended", ended[0])
    good = [task for task in tasks if task.is_running and passes.get(task.id, 0) >= PASSES_WANTED]
    if len(good) >= replicas:
        return Verdict(Readiness.READY)
    if elapsed > patience:
        culprit = next((task for task in tasks if task not in good), None)
        reason = f"{len(good)} of {replicas} tasks were ready after {patience:.0f} s"
        return Verdict(Readiness.FAILED, reason, ended[0] if ended and not good else culprit)
    return Verdict(Readiness.WAITING)


class Move(StrEnum):
    """What a rolling update does next."""

    ADD = "add"
    RETIRE = "retire"
    DONE = "done"


def next_move(*, old: int, new: int, wanted: int, step: int, ceiling: int) -> tuple[Move, int]:
    """The next move of a rolling update all of whose new tasks are ready, and how many it is about.

    It adds while there is room, and then retires, so there are never more than ``ceiling`` tasks and,
    from the moment when there were that many, never fewer than ``ceiling - step``.

    Args:
        old: tasks of the release that goes.
        new: tasks of the release that comes.
        wanted: how many of the latter there are to be.
        step: most tasks to replace at a time.
        ceiling: most tasks of both releases together.
    """
    room = min(step, wanted - new, ceiling - old - new)
    if room > 0:
        return Move.ADD, room
    if old > 0:
        return Move.RETIRE, min(step, old)
    return Move.DONE, 0


def victims(
    tasks: Sequence[Task], count: int, *, leaving: frozenset[str], serving: frozenset[str]
) -> tuple[Task, ...]:
    """Which tasks a rolling update retires: those already leaving, then useless ones, then the oldest.

    Args:
        tasks: of the release that goes, newest first.
        count: how many.
        leaving: ids of those that get no new requests already.
        serving: ids of those that passed the gate.
    """
    present = [task for task in reversed(tasks) if task.desired in {"ready", "running"}]
    present.sort(key=lambda task: (task.id not in leaving, task.is_running and task.id in serving))
    return tuple(present[:count])


@dataclass(frozen=True)
class Cleanup:
    """What becomes of an environment's Swarm services after a switch."""

    stop: tuple[str, ...]
    """To 0 replicas: the rollback targets."""
    remove: tuple[str, ...]


def cleanup(existing: Sequence[Service], *, serving: frozenset[str], kept: frozenset[str]) -> Cleanup:
    """Stop what a rollback may return to, remove what nothing refers to any more."""
    idle = [service for service in existing if service.name not in serving]
    return Cleanup(
        stop=tuple(s.name for s in idle if s.name in kept and s.replicas > 0),
        remove=tuple(s.name for s in idle if s.name not in kept),
    )


def why_it_ended(task: Task, *, out_of_memory: bool, memory_limit: int | None) -> str:
    """A task's end in words: the exit code, out of memory named as such, or the engine's reason."""
    if out_of_memory:
        limit = f" (limit {memory_limit // 2**20} MiB)" if memory_limit else ""
        return f"it was killed because it ran out of memory{limit}"
    if "unhealthy" in task.error:
        return "the engine ended it, because its check failed again and again"
    if task.exit_code is not None and task.exit_code != 0:
        return f"it exited with code {task.exit_code}"
    if task.exit_code == 0 and task.state in {"complete", "failed"}:
        return "it exited with code 0, though a service has to go on running"
    return task.error or task.message or f"it is {task.state}"
