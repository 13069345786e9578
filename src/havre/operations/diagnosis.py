"""Why a service did not come up, as its last task and its last lines tell it."""

from __future__ import annotations

from havre.adapters.swarm.engine import Engine
from havre.domain import rollout
from havre.domain.full_disk import REMEDY, is_full, place
from havre.domain.snapshot import ENDED, Task
from havre.errors import RolloutError
from havre.operations.links import why_stuck
from havre.operations.routing import Routing


def failure(
    engine: Engine,
    routing: Routing,
    name: str,
    reason: str,
    task: Task | None,
    *,
    memory_limit: int | None,
    missing: str = "",
) -> RolloutError:
    """The error for a service that did not become ready, or ended while it served.

    Args:
        engine: where its containers are.
        routing: knows the last answers to probes.
        name: the service, as the manifest names it.
        reason: what was expected and did not come, in words.
        task: the task that explains it; None if there was none at all.
        memory_limit: bytes, to say which limit was too low.
        missing: what a task that runs still lacks to be ready, if that is known.
    """
    if task is None:
        return RolloutError(f"{name} did not become ready: {reason}")
    cause, remedy = "no answer", "what served before was not touched; fix the cause and deploy again"
    if stuck := why_stuck(engine, task.error):
        cause, remedy = stuck.cause, f"{stuck.remedy}; then try again"
    elif is_full(task.error):
        cause, remedy = f"{place(task.error)} is full", REMEDY
    elif task.state in ENDED:
        out_of_memory = bool(task.container) and engine.was_out_of_memory(task.container)
        cause = rollout.why_it_ended(task, out_of_memory=out_of_memory, memory_limit=memory_limit)
    elif missing:
        cause = missing
    elif answer := routing.last_answer(task.id):
        cause = f"the last probe: {answer}"
    elif not task.is_running:
        cause = f"its task is {task.state}: {task.error or task.message}"
    lines = engine.last_lines(task.container) if task.container else []
    return RolloutError(
        f"{name} did not become ready: {reason}; {cause}",
        hint=remedy,
        detail="\n".join(lines),
    )
