"""What is watched, what was found, and who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.projects import Environment


class Check(models.Model):
    """Something that is watched, as it was seen last; there is a row once it was bad."""

    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, null=True, related_name="checks", help_text="null: the server"
    )
    place = models.CharField(max_length=100, help_text="PROJECT/ENVIRONMENT, or server")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True, default="", help_text="service, host, disk")
    state: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="domain.alerting.machine.State"
    )

    objects: ClassVar[models.Manager[Check]]

    class Meta:
        """One row for each."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=("place", "kind", "subject"), name="one_check"),
        ]


class Incident(models.Model):
    """An alert: from when something was wrong until it was over."""

    environment = models.ForeignKey(
        Environment,
        on_delete=models.CASCADE,
        null=True,
        related_name="incidents",
        help_text="null: the server",
    )
    place = models.CharField(max_length=100, help_text="PROJECT/ENVIRONMENT, or server")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True, default="")
    severity = models.CharField(max_length=10, help_text="domain.alerting.telling.Severity")
    facts: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="the newest, from which the words in each language are made"
    )
    lines: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, help_text="the last of the log when it began, without secrets"
    )
    service = models.CharField(max_length=40, blank=True, default="", help_text="whose log tells more")
    is_flapping = models.BooleanField(default=False)
    began_at = models.DateTimeField(default=timezone.now)
    over_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True, default="")
    told = models.CharField(max_length=10, blank=True, default="", help_text="what was told last")
    told_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Incident]]

    class Meta:
        """One row for each."""

        indexes: ClassVar = [models.Index(fields=("over_at", "-began_at"))]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("place", "kind", "subject"),
                condition=models.Q(over_at=None),
                name="one_open_incident",
            ),
        ]


def place_of(environment: Environment | None) -> str:
    """``PROJECT/ENVIRONMENT``, or ``server``."""
    return f"{environment.project.name}/{environment.name}" if environment else "server"


class Silence(models.Model):
    """A time in which nothing is told of what matches (``domain.alerting.telling.Silence``)."""

    check_kind = models.CharField(max_length=40, default="*")
    place = models.CharField(max_length=100, default="*")
    begins_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True, default="")
    actor = models.CharField(max_length=100, blank=True, default="")

    objects: ClassVar[models.Manager[Silence]]

    def is_at(self, now: datetime) -> bool:
        """Whether it counts now."""
        return self.begins_at <= now < self.ends_at


class Channel(models.Model):
    """A way to tell people. What is secret of it is sealed: the web process can set it, never read it."""

    name = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=10, help_text="email, apprise, webhook or heartbeat")
    options: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="what is not secret of it"
    )
    sealed = models.BinaryField(null=True, help_text="password, or address")
    language = models.CharField(max_length=2, default="en")
    place = models.CharField(max_length=100, default="*", help_text="pattern of what it hears of")
    least = models.CharField(max_length=10, default="warning", help_text="least severity")
    actor = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Channel]]


class Delivery(models.Model):
    """One message to one channel; it is tried until it is taken, or given up."""

    channel = models.ForeignKey(
        Channel,
        on_delete=models.CASCADE,
        null=True,
        related_name="deliveries",
        help_text="null: whom on_failure of the manifest names",
    )
    incident = models.ForeignKey(
        Incident, on_delete=models.CASCADE, null=True, related_name="deliveries", help_text="null: a test"
    )
    word = models.CharField(max_length=10, help_text="domain.alerting.telling.Word")
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now, null=True, help_text="null: no more")
    taken_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="", help_text="of the last attempt")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Delivery]]

    class Meta:
        """One row for each."""

        indexes: ClassVar = [models.Index(fields=("next_at",))]
