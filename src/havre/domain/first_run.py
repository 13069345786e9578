"""What an installation still wants before it carries an application safely, in the order to do it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """One thing to do."""

    DOMAIN = "domain"
    STORAGE = "storage"
    KIT = "kit"
    PROJECT = "project"
    DEPLOYMENT = "deployment"


class Stage(StrEnum):
    """Where a thing to do stands; ``LATER`` waits for one before it."""

    DONE = "done"
    NOW = "now"
    LATER = "later"


@dataclass(frozen=True)
class Facts:
    """What is so on a server.

    Attributes:
        domain: the panel has one.
        storage: there is an off-site storage.
        kit: the kit that opens it as it is now is kept elsewhere.
        project: a project has the address of its repository.
        deployment: an application serves.
    """

    domain: bool
    storage: bool
    kit: bool
    project: bool
    deployment: bool


_NEEDS = {Task.KIT: Task.STORAGE, Task.DEPLOYMENT: Task.PROJECT}


def stages(facts: Facts) -> dict[Task, Stage]:
    """Where each stands: all that can be done now is so, for nobody has to do it in this order."""
    done = {task: bool(getattr(facts, task.value)) for task in Task}
    done[Task.KIT] = facts.kit and facts.storage
    return {task: _stage(task, done) for task in Task}


def is_over(facts: Facts) -> bool:
    """Whether all of it is done."""
    return all(stage is Stage.DONE for stage in stages(facts).values())


def _stage(task: Task, done: dict[Task, bool]) -> Stage:
    if done[task]:
        return Stage.DONE
    before = _NEEDS.get(task)
    return Stage.LATER if before and not done[before] else Stage.NOW
