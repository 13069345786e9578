"""Operations: what was asked for, its steps and its events."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.projects import Environment


class Operation(models.Model):
    """Any long action: queued by an interface, claimed and run by the worker."""

    class State(models.TextChoices):
        """Where an operation stands; the last three are final."""

        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

    kind = models.CharField(max_length=30)
    environment = models.ForeignKey(
        Environment, on_delete=models.SET_NULL, null=True, related_name="operations"
    )
    target = models.CharField(max_length=70, help_text="project-environment, kept after a destroy")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    params: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    result: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    error: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    actor = models.CharField(max_length=100)
    worker = models.CharField(max_length=40, blank=True, default="", help_text="boot id of the claimer")
    attempt = models.PositiveSmallIntegerField(default=0, help_text="times a worker began it")
    cancel_requested = models.BooleanField(default=False)
    request = models.CharField(
        max_length=20, blank=True, default="", help_text="what somebody asked of its canary"
    )
    request_stage = models.PositiveSmallIntegerField(default=0, help_text="the canary's stage by then")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    clock: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="when a worker first began it (domain.moments)"
    )

    objects: ClassVar[models.Manager[Operation]]

    class Meta:
        """The queue is read by state."""

        indexes = (models.Index(fields=("state", "id"), name="operation_queue"),)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in self.FINAL

    @property
    def seconds(self) -> float | None:
        """How long it took; not below 0, though the clock may have been set back meanwhile."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


class Step(models.Model):
    """One step of an operation, recorded as it happens."""

    class State(models.TextChoices):
        """Where a step stands."""

        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        SKIPPED = "skipped"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    message = models.CharField(max_length=500, blank=True, default="")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Step]]

    class Meta:
        """A step has one place."""

        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("operation", "name"), name="step_once"),)


class Event(models.Model):
    """What happened during an operation, in order; the CLI and the panel follow these.

    ``kind`` and ``data``:

    * ``plan``: ``{"steps": [{"name", "title"}], "attempt"}``, first, and again after a restart
    * ``step``: ``{"name", "title", "state", "message", "seconds"}``
    * ``log``: ``{"line", "source"}`` (source: ``build api``, ``release api``, …)
    * ``outcome``: ``{"state", "error", "result"}``, the last one
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10)
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    objects: ClassVar[models.Manager[Event]]

    class Meta:
        """Followed by id within one operation."""

        indexes = (models.Index(fields=("operation", "id"), name="event_follow"),)
