"""Tasks that end by themselves, again and again, and nodes that are away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from havre.domain import naming
from havre.domain.alerting.checks import SERVER, Look
from havre.domain.snapshot import Snapshot, Task

_WINDOW: Final = timedelta(minutes=10)
_SERVING: Final = frozenset({"app", "data", "router"})


@dataclass(frozen=True)
class Node:
    """A machine of the Swarm.

    Attributes:
        name: its host name.
        is_up: whether the manager hears of it.
        is_wanted: whether it should run tasks: it was not drained.
        id: by which tasks name it.
    """

    name: str
    is_up: bool
    is_wanted: bool = True
    id: str = ""


def failed_lately(snapshot: Snapshot, now: datetime) -> dict[tuple[str, str], list[Task]]:
    """Tasks of what serves that ended by themselves in the last minutes, by place and service.

    A service whose tasks all run has none: it is asked about too.
    """
    found: dict[tuple[str, str], list[Task]] = defaultdict(list)
    for service in snapshot.services:
        if service.is_job or service.label(naming.ROLE) not in _SERVING or not service.replicas:
            continue
        project, environment = service.label(naming.PROJECT), service.label(naming.ENVIRONMENT)
        place = f"{project}/{environment}" if project and environment else SERVER
        key = (place, service.label(naming.SERVICE) or service.name)
        found[key] += [task for task in service.tasks if task.has_failed and _is_since(task, now - _WINDOW)]
    return dict(found)


def _is_since(task: Task, begin: datetime) -> bool:
    since = _moment(task.since)
    return since is not None and since >= begin


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)  # of the engine's nanoseconds it reads microseconds
    except ValueError:
        return None


def restarts(failed: dict[tuple[str, str], list[Task]], killed: Collection[str]) -> Iterator[Look]:
    """Services that do not stay up, and those that took too much memory.

    Args:
        failed: of :func:`failed_lately`.
        killed: containers that the kernel ended for their memory.
    """
    for (place, name), tasks in failed.items():
        error = next((task.error for task in tasks if task.error), "")
        facts = {"count": len(tasks), "error": error}
        yield Look("restarts", place, name, value=float(len(tasks)), facts=facts, service=name)
        is_killed = any(task.container in killed for task in tasks)
        yield Look("oom", place, name, is_bad=is_killed, service=name)


def away(nodes: Collection[Node]) -> Iterator[Look]:
    """Nodes that do not answer; one that was drained may be away."""
    for node in nodes:
        yield Look("node", SERVER, node.name, is_bad=node.is_wanted and not node.is_up)


def clocks(nodes: Collection[Node], snapshot: Snapshot) -> Iterator[Look]:
    """How far the clock of each node is from the manager's, as far as its newest task proves it.

    A node says when a task changed; the manager, when it made the task and when it heard of the change. What
    the node says lies in between, if the clocks agree: the engine tells no clock of another node.
    """
    by_node: dict[str, list[tuple[datetime, datetime, datetime]]] = defaultdict(list)
    for service in snapshot.services:
        for task in service.tasks:
            updated, since, created = map(_moment, (task.updated, task.since, task.created))
            if updated and since and created:
                by_node[task.node].append((updated, since, created))
    for node in nodes:
        if not by_node[node.id]:
            yield Look("clock", SERVER, node.name)
            continue
        updated, since, created = max(by_node[node.id])
        seconds = max((since - updated).total_seconds(), (created - since).total_seconds(), 0.0)
        yield Look("clock", SERVER, node.name, value=seconds, facts={"seconds": round(seconds, 1)})
