"""Sharing an environment's requests between two releases: the record, then the route."""

from __future__ import annotations

from collections.abc import Mapping

from havre.domain.shift import Shift
from havre.operations.context import Run
from havre.operations.routing import shift_of
from havre.records.models import Environment, Release


def share(
    run: Run,
    one: Release,
    other: Release,
    weights: Mapping[str, int | None],
    *,
    sticky: frozenset[str] = frozenset(),
    leaving: frozenset[str] = frozenset(),
) -> None:
    """Give the one of these releases that is not the live one its share of some services' requests.

    The record comes first: whoever writes the route next, writes it so.
    """
    beside = other if run.environment.current_release_id == one.pk else one
    shift = shift_of(run.environment)
    if shift is None or shift.release != beside.number:  # what an undoing that failed may have left
        shift = Shift(beside.number)
    _store(run, shift.weighing(weights, sticky=sticky).without(leaving))


def end_sharing(run: Run) -> None:
    """Give the live release all requests again."""
    _store(run, None)


def _store(run: Run, shift: Shift | None) -> None:
    Environment.objects.filter(pk=run.environment.pk).update(shift=shift.stored() if shift else {})
    run.environment.refresh_from_db()
    run.platform.routing.publish(run.environment)
