"""What belongs to the server itself: tokens of its API, the worker's sign of life."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone


class Token(models.Model):
    """A token for the API over HTTPS; only its SHA-256 is stored. Its grants say what it may.

    ``owner`` is whose it is: it may never more than they may, and goes with them; null for one that was
    made on the server itself.
    """

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=45, blank=True, default="")
    owner = models.ForeignKey("User", on_delete=models.CASCADE, null=True, related_name="tokens")
    actor = models.CharField(max_length=100, blank=True, default="")

    objects: ClassVar[models.Manager[Token]]


class Worker(models.Model):
    """The worker's sign of life: one row, rewritten every few seconds."""

    boot = models.CharField(max_length=40)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    clock: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="the same moment (domain.moments), which may be compared with later ones"
    )

    objects: ClassVar[models.Manager[Worker]]
