"""``/healthz``: whether Havre itself works. The applications' health is another matter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from havre.adapters.host import moments
from havre.domain.moments import Moment, seconds_between
from havre.records.models import Worker

WORKER_LATE: Final = 30.0
"""Seconds without a sign of life (there is one every 5) after which the worker counts as dead."""


def worker_seen_seconds() -> float | None:
    """Seconds since the worker's last sign of life, though the clock be set; None if it never gave one."""
    row = Worker.objects.filter(pk=1).first()
    if row is None:
        return None
    if begun := Moment.stored(row.clock):
        return seconds_between(begun, moments.now())
    return max(0.0, (timezone.now() - row.seen_at).total_seconds())


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 while database and worker answer, else 503. It tells a stranger nothing else."""
    try:
        seen = worker_seen_seconds()
    except DatabaseError:
        return _answer("the database does not answer", None)
    if seen is None or seen > WORKER_LATE:
        return _answer("the worker gives no sign of life", seen)
    return _answer("ok", seen)


def _answer(status: str, seen: float | None) -> JsonResponse:
    code = HTTPStatus.OK if status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    rounded = None if seen is None else round(seen, 1)
    answer = JsonResponse({"status": status, "worker_seen_seconds": rounded}, status=code)
    answer["Cache-Control"] = "no-store"
    return answer
