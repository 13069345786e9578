"""The texts of ``havre.yaml`` that operations read, or were given in its place."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class ManifestText(models.Model):
    """What an operation read, beside it: whoever may see the operation may not see values of variables."""

    operation = models.OneToOneField(Operation, on_delete=models.CASCADE, related_name="manifest_text")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="manifest_texts")
    text = models.TextField()
    is_edited = models.BooleanField(default=False, help_text="given in place of the repository's file")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[ManifestText]]
