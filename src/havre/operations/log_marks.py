"""Marks operations in the logs of their environments, each once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django.db.models import Q
from django.utils import timezone

from havre.domain.logs.marks import MARKED, Happened
from havre.domain.logs.record import Record
from havre.domain.logs.resuming import key_of
from havre.domain.logs.sources import Source
from havre.records.models import Operation

_PAST: Final = timedelta(hours=1)
"""How far back a worker that begins looks for operations that were not marked."""
_OVERLAP: Final = timedelta(seconds=30)


class Positions(Protocol):
    """Where it is known what was stored: the writer of the log."""

    def positions(self, source: str) -> dict[str, int]:
        """Of a source, by :func:`havre.domain.logs.resuming.key_of`."""


class LogMarks:
    """Looks for operations that began or ended since the last look.

    Args:
        stored: tells which marks are there already.
        now: the time.
    """

    def __init__(self, stored: Positions, now: Callable[[], datetime] = timezone.now) -> None:
        self._stored = stored
        self._now = now
        self._since = now() - _PAST
        self._told: dict[str, set[str]] = {}

    def look(self) -> dict[str, list[Record]]:
        """The marks that are not there yet, by the source of their environment."""
        now = self._now()
        happened = Q(started_at__gte=self._since) | Q(finished_at__gte=self._since)
        rows = (
            Operation.objects.filter(happened, kind__in=MARKED, environment__isnull=False)
            .select_related("environment__project")
            .order_by("pk")
        )
        found: dict[str, list[Record]] = {}
        for row in rows:
            if row.environment is None:
                continue
            source = str(Source(row.environment.project.name, row.environment.name, ""))
            told = self._told_of(source)
            for mark in _happened(row).marks():
                if mark.task not in told:
                    told.add(mark.task)
                    found.setdefault(source, []).append(mark)
        self._since = now - _OVERLAP
        return found

    def _told_of(self, source: str) -> set[str]:
        if source not in self._told:
            end = key_of("", "havre")
            keys = self._stored.positions(source)
            self._told[source] = {key.removesuffix(end) for key in keys if key.endswith(end)}
        return self._told[source]


def _happened(row: Operation) -> Happened:
    error: dict[str, Any] = row.error or {}
    release = row.result.get("release")
    return Happened(
        row.pk,
        row.kind,
        row.state,
        row.actor,
        _nanoseconds(row.started_at),
        _nanoseconds(row.finished_at) if row.is_final else 0,
        release if isinstance(release, int) else 0,
        str(error.get("message", ""))[:500],
    )


def _nanoseconds(at: datetime | None) -> int:
    return int(at.timestamp() * 1_000_000) * 1000 if at else 0
