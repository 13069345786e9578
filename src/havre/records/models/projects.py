"""Projects, their environments, and what people set in them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone


class Project(models.Model):
    """What one ``havre.yaml`` describes, and where its repository is."""

    name = models.CharField(max_length=30, unique=True)
    source = models.CharField(max_length=500, help_text="local path or Git URL of the repository")
    subfolder = models.CharField(max_length=300, blank=True, default="")
    sealed_deploy_key = models.BinaryField(null=True)
    deploy_key_public = models.TextField(
        blank=True, default="", help_text="the line of the public key; empty if it is not known"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Project]]

    def __str__(self) -> str:
        return self.name


class Environment(models.Model):
    """One running copy of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=30)
    current_release = models.ForeignKey(
        "Release", on_delete=models.SET_NULL, null=True, related_name="current_of"
    )
    replicas: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        default=dict, help_text="what `havre scale` set, by service; wins over the manifest"
    )
    shift: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict,
        help_text="share of another release than the current one in the requests (domain.shift)",
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Environment]]

    class Meta:
        """One environment of a name in a project."""

        constraints = (models.UniqueConstraint(fields=("project", "name"), name="environment_once"),)

    def __str__(self) -> str:
        return f"{self.project.name}-{self.name}"


class Variable(models.Model):
    """An environment variable set by ``havre env``; wins over the manifest's."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="variables")
    service = models.CharField(max_length=30, blank=True, default="", help_text="empty: every app")
    name = models.CharField(max_length=200)
    value = models.TextField()

    objects: ClassVar[models.Manager[Variable]]

    class Meta:
        """One value per name."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "service", "name"), name="variable_once"),
        )


class Secret(models.Model):
    """One version of a secret, sealed. A release names the versions it runs with."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    sealed = models.BinaryField()
    generated = models.BooleanField(default=False, help_text="made by Havre (a database password)")
    unset_at = models.DateTimeField(null=True, help_text="since when new releases do not see it")
    created_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=100, blank=True, default="")

    objects: ClassVar[models.Manager[Secret]]

    class Meta:
        """Versions count up per name."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "name", "version"), name="secret_version_once"),
        )
