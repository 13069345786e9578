"""What the records say is needed: by environments, and by operations under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q

from havre.records import queries
from havre.records.models import Environment, Operation, Release

_UNDER_WAY = (Operation.State.QUEUED, Operation.State.RUNNING)


def kept_releases(environment: Environment) -> list[Release]:
    """The live release and those whose tasks stand by for a rollback, the live one first."""
    found = [
        environment.current_release,
        queries.previous_release(environment),
        queries.replaced_release(environment),
    ]
    return list({release.pk: release for release in found if release}.values())


@dataclass(frozen=True)
class Mark:
    """How far the operations were at a moment: the newest, and those that waited or ran."""

    newest: int
    under_way: frozenset[int]


def mark() -> Mark:
    """How far they are now. Told by numbers, for the clock may be set."""
    newest = Operation.objects.order_by("-pk").values_list("pk", flat=True).first()
    return Mark(newest or 0, operations_under_way())


def busy_environments(since: Mark) -> frozenset[str]:
    """Environments with an operation that waits, runs, or did so after ``since``."""
    meanwhile = Q(pk__in=since.under_way) | Q(pk__gt=since.newest)
    rows = Operation.objects.filter(Q(state__in=_UNDER_WAY) | meanwhile)
    return frozenset(rows.values_list("target", flat=True))


def busy_now() -> frozenset[str]:
    """Environments with an operation that waits or runs."""
    return frozenset(Operation.objects.filter(state__in=_UNDER_WAY).values_list("target", flat=True))


def operations_under_way() -> frozenset[int]:
    """Numbers of the operations that wait or run."""
    return frozenset(Operation.objects.filter(state__in=_UNDER_WAY).values_list("pk", flat=True))


def abandoned_drafts() -> list[Release]:
    """Releases that are still being prepared though their operation is over."""
    rows = Release.objects.filter(state=Release.State.PREPARING).exclude(operation__state__in=_UNDER_WAY)
    return list(rows.select_related("environment__project"))


def give_up_draft(number: int) -> None:
    """Say that the release with this primary key will never serve."""
    Release.objects.filter(pk=number, state=Release.State.PREPARING).update(state=Release.State.FAILED)


@contextmanager
def nothing_begins() -> Iterator[None]:
    """While this lasts, no operation is queued, claimed or ended, and no release goes live.

    Every writer waits, so keep it to seconds. SQLite has one writer, and BEGIN takes its lock.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                tables = f"{Operation._meta.db_table}, {Environment._meta.db_table}"  # noqa: SLF001 - Django's own
                cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
        yield
