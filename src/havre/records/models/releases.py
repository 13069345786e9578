"""Releases: what an environment ran, runs, or was about to run."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class Release(models.Model):
    """Commit, images, resolved configuration and secret versions, numbered per environment.

    Immutable once it was live; while ``preparing`` it is the draft that lets a restarted worker
    continue the deployment.
    """

    class State(models.TextChoices):
        """``live`` is the one that serves; at most one per environment."""

        PREPARING = "preparing"
        LIVE = "live"
        SUPERSEDED = "superseded"
        FAILED = "failed"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PREPARING)
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, related_name="releases")
    commit = models.CharField(max_length=40, blank=True, default="")
    ref = models.CharField(max_length=250, blank=True, default="")
    subject = models.CharField(max_length=300, blank=True, default="")
    spec: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="the manifest resolved for the environment"
    )
    images: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, help_text="image id by service"
    )
    secret_versions: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    variables: models.JSONField[list[list[str]], list[list[str]]] = models.JSONField(
        default=list, help_text="[service, name, value] of `havre env` at that time"
    )
    replicas: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    swarm_services: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict,
        help_text="Swarm service by service; of an earlier release where nothing changed",
    )
    restore_point: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(
        null=True
    )
    storage_version = models.PositiveIntegerField(
        null=True,
        help_text="of the off-site storage of backups, 0 for none; null: before there were backups",
    )
    created_at = models.DateTimeField(default=timezone.now)
    live_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Release]]

    class Meta:
        """Numbers count up per environment."""

        constraints = (models.UniqueConstraint(fields=("environment", "number"), name="release_number_once"),)


class Build(models.Model):
    """How an image of a release was built: its size and the time of each stage."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="builds")
    service = models.CharField(max_length=30)
    image_id = models.CharField(max_length=80)
    tag = models.CharField(max_length=200)
    size = models.BigIntegerField(help_text="bytes")
    seconds = models.FloatField()
    stages: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, help_text="name, seconds, cached"
    )

    objects: ClassVar[models.Manager[Build]]

    class Meta:
        """One build per service of a release."""

        constraints = (models.UniqueConstraint(fields=("release", "service"), name="build_once"),)
