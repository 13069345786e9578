"""Scheduled commands: what is known of each, and the history of their runs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class ScheduledJob(models.Model):
    """One entry of ``cron`` in an environment's live release; its row outlives releases."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="scheduled_jobs")
    name = models.CharField(max_length=60)
    schedule = models.CharField(max_length=200)
    timezone = models.CharField(max_length=100)
    looked_at = models.DateTimeField(help_text="what was due until then was decided")
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=100, blank=True, default="")
    is_failing = models.BooleanField(default=False, help_text="the last run failed")

    objects: ClassVar[models.Manager[ScheduledJob]]

    class Meta:
        """One job of a name in an environment."""

        constraints = (models.UniqueConstraint(fields=("environment", "name"), name="scheduled_job_once"),)


class ScheduledRun(models.Model):
    """A run that was due, and what became of it. It exists at most once, whoever looked how often."""

    class State(models.TextChoices):
        """``started``: its operation tells the rest."""

        WAITING = "waiting"
        STARTED = "started"
        SKIPPED = "skipped"
        MISSED = "missed"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="scheduled_runs")
    job = models.CharField(max_length=60)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices)
    trigger = models.CharField(max_length=10, default="schedule", help_text="schedule or manual")
    why = models.CharField(max_length=200, blank=True, default="")
    operation = models.OneToOneField(
        Operation, on_delete=models.SET_NULL, null=True, related_name="scheduled_run"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[ScheduledRun]]

    class Meta:
        """Each due time of a job once."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "job", "due_at"), name="scheduled_run_once"),
        )
