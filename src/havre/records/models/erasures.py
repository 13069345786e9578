"""Persons who were erased: remembered by keyed hashes, so that nobody is named."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class Erasure(models.Model):
    """One person, erased from a database or to be erased by an operation that is not over."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="erasures")
    service = models.CharField(max_length=30, blank=True, default="")
    subject = models.CharField(max_length=200, help_text="the column by which the person was named")
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, related_name="erasures")
    sealed = models.BinaryField(null=True, help_text="the value, until the operation is over")
    token = models.CharField(max_length=64, blank=True, default="", help_text="keyed hash of the value")
    identity = models.CharField(
        max_length=64, blank=True, default="", help_text="keyed hash of the primary key of the person's row"
    )
    rows: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, help_text="what became of how many rows of which table"
    )
    erased_at = models.DateTimeField(null=True, help_text="null: not yet")
    is_back = models.BooleanField(default=False, help_text="a restore brought the person back")
    actor = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Erasure]]
