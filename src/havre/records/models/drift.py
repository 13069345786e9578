"""Drift as the worker's watch found it last."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.projects import Environment


class Drift(models.Model):
    """What was changed by hand in one environment; there is a row only while something is.

    ``found``: as :meth:`havre.domain.drift.Drift.as_data` gives it, a list; it holds no value of a variable.
    """

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="drift")
    found: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    since = models.DateTimeField(default=timezone.now, help_text="when the watch saw the first of it")
    seen_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Drift]]
