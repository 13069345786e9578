"""Restore drills that were made."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class Drill(models.Model):
    """A restore drill that came to its end, well or not. It outlives the record of its operation.

    ``data``: what was restored from where and checked, as the operation's result has it.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="drills")
    operation = models.OneToOneField(Operation, on_delete=models.SET_NULL, null=True, related_name="drill")
    actor = models.CharField(max_length=100, blank=True, default="")
    repository = models.CharField(max_length=10, blank=True, default="", help_text="local or offsite")
    release = models.PositiveIntegerField(null=True)
    is_good = models.BooleanField()
    problem = models.TextField(blank=True, default="", help_text="why it is not good")
    rto = models.FloatField(null=True, help_text="seconds until the copy was healthy; null: it never was")
    rpo = models.FloatField(null=True, help_text="seconds whose changes would be lost; null: not measured")
    objective_rto = models.FloatField(help_text="as it was then")
    objective_rpo = models.FloatField(help_text="as it was then")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(default=timezone.now)
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[Drill]]

    class Meta:
        """Listed by environment, the newest first."""

        indexes = (models.Index(fields=("environment", "started_at"), name="drill_history"),)
