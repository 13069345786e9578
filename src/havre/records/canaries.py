"""What is asked of a canary: written by who asks, read by the worker, never taken away.

The web process has written a request before it answers, and a canary leaves a stage only in one
update with the proof that nothing else was asked meanwhile. So whoever dies at whichever moment, a
request that was accepted is carried out, and one that comes too late is refused.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from havre.domain.promotion import ABORT, PROMOTE, PROMOTE_FULLY, Request
from havre.errors import ConflictError
from havre.records import queries
from havre.records.models import Environment, Operation

_TOLD = {
    PROMOTE: "to its next weight",
    PROMOTE_FULLY: "to all requests",
    ABORT: "be given up",
}


@transaction.atomic
def ask(environment: Environment, what: str, *, actor: str) -> Operation:
    """Ask the canary of an environment; the operation that runs it sees it within a second.

    Asking the same again changes nothing. Giving up outweighs what was asked before.

    Args:
        environment: where it runs.
        what: a word of :mod:`havre.domain.promotion`.
        actor: who asks; the operation's log tells it.

    Returns:
        The operation that runs the canary.

    Raises:
        ConflictError: no canary runs there, it is over, or it is being given up.
    """
    running = Operation.objects.select_for_update().filter(
        environment=environment, state=Operation.State.RUNNING, result__has_key="canary"
    )
    operation = running.first()
    if operation is None:
        raise _none_runs(environment)
    stage, before = operation.result["canary"], asked(operation)
    if "undoing" in operation.result or (before.what == ABORT and what != ABORT):
        if what == ABORT:
            return operation
        raise ConflictError(
            f"the canary of {environment} is being given up by operation {operation.pk}",
            hint=f"follow it: havre operations follow {operation.pk}",
            retryable=False,
        )
    if stage.get("over"):
        raise ConflictError(
            f"the canary of {environment} is over: its release takes all requests",
            hint=f"`havre operations cancel {operation.pk}` brings the old release back while it runs, "
            "`havre rollback` after that",
            retryable=False,
        )
    now = before.then(Request(what, int(stage["stage"])))
    if now != before:
        cancels = {"cancel_requested": True} if what == ABORT else {}
        Operation.objects.filter(pk=operation.pk).update(request=now.what, request_stage=now.stage, **cancels)
        queries.record_log(operation, [("havre", f"{actor} asks the canary to {_said(what)}")])
    operation.refresh_from_db()
    return operation


def _said(what: str) -> str:
    return _TOLD[what] if what == ABORT else f"go {_TOLD[what]}"


def _none_runs(environment: Environment) -> ConflictError:
    last = Operation.objects.filter(environment=environment, result__has_key="canary").order_by("-id").first()
    return ConflictError(
        f"no canary runs in {environment}"
        + (f"; the last one is over: operation {last.pk} {_outcome(last)}" if last else ""),
        hint="`strategy: canary` in havre.yaml makes a deployment one; `havre ps` shows its share",
        retryable=False,
    )


def _outcome(operation: Operation) -> str:
    return operation.state if operation.state != Operation.State.CANCELLED else "was cancelled"


def asked(operation: Operation) -> Request:
    """What was asked of an operation last; see :meth:`~havre.domain.promotion.Request.at`."""
    row = Operation.objects.filter(pk=operation.pk).values_list("request", "request_stage").first()
    return Request(*row) if row else Request()


def move(operation: Operation, seen: Request, canary: dict[str, Any]) -> bool:
    """Record where the canary is now, unless something was asked since ``seen`` was read.

    Args:
        operation: the one that runs the canary; its ``result`` is the worker's alone.
        seen: what was asked by then.
        canary: its stage; with ``over`` nothing more can be asked of it.

    Returns:
        False if there is a newer request: nothing was recorded.
    """
    result = {**operation.result, "canary": canary}
    unchanged = Operation.objects.filter(pk=operation.pk, request=seen.what, request_stage=seen.stage)
    if not unchanged.update(result=result):
        return False
    operation.result = result
    return True
